"""Makes ``server/bargein/vad/silero.npz`` from the reference network: its weights, laid out as they are used.

The reference is ``silero_vad.onnx`` of the package ``silero-vad`` (MIT): unpack its wheel, it needs nothing else for
this. Its other files hold other weights. Needs the package ``onnx``::

    python scripts/make_silero_weights.py path/to/silero_vad/data/silero_vad.onnx
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

TARGET = Path(__file__).parents[1] / "server" / "bargein" / "vad" / "silero.npz"
BRANCH = "else_branch"
"""The reference holds two networks, and asks for the rate: this is the one for 8 kHz."""


def constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """The weights, by the ends of their names."""
    choice = next(node for node in model.graph.node if node.op_type == "If")
    graph = next(given.g for given in choice.attribute if given.name == BRANCH)
    return {
        node.output[0].rpartition("__")[2]: numpy_helper.to_array(node.attribute[0].t)
        for node in graph.node
        if node.op_type == "Constant" and node.attribute[0].t.dims
    }


def convolution(weights: np.ndarray, taps: slice = slice(None)) -> np.ndarray:
    """(out, in, tap) as the matrix that windows of (tap, in) are multiplied with."""
    wanted = weights[:, :, taps]
    return np.ascontiguousarray(wanted.transpose(2, 1, 0).reshape(-1, len(weights)))


def arrays(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What :mod:`bargein.vad.silero` loads."""
    encoders = [(given[f"encoder.{n}.reparam_conv.weight"], given[f"encoder.{n}.reparam_conv.bias"]) for n in range(4)]
    # Beyond the edges of so short a signal is nothing: of the third the last two taps see it, of the fourth one.
    taps = [slice(None), slice(None), slice(1, 3), slice(1, 2)]
    made = {
        "recurrent": np.concatenate([given["decoder.rnn.weight_ih"], given["decoder.rnn.weight_hh"]], axis=1).T.copy(),
        "recurrent_bias": given["decoder.rnn.bias_ih"] + given["decoder.rnn.bias_hh"],
        "output": given["decoder.decoder.2.weight"].reshape(-1),
        "output_bias": given["decoder.decoder.2.bias"],
    }
    for number, ((weights, bias), wanted) in enumerate(zip(encoders, taps, strict=True)):
        made[f"encoder{number}"] = convolution(weights, wanted)
        made[f"encoder{number}_bias"] = bias
    return {name: array.astype("<f4") for name, array in made.items()}


def main() -> None:
    np.savez_compressed(TARGET, **arrays(constants(onnx.load(sys.argv[1]))))


if __name__ == "__main__":
    main()
