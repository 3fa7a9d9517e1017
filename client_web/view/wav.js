// @ts-check
/**
 * WAV files of 16-bit samples, as in the RIFF specification (Multimedia Programming Interface 1.0, 1991).
 * @module
 */

const HEADER_BYTES = 44;
const BYTES_PER_SAMPLE = 2;

/**
 * @param {Int16Array[]} channels one array a channel; a shorter one is filled up with silence
 * @param {number} rate_hz
 * @returns {ArrayBuffer} a whole WAV file
 */
export function wavFile(channels, rate_hz) {
  const count = channels.length;
  const length = Math.max(0, ...channels.map((samples) => samples.length));
  const data_bytes = length * count * BYTES_PER_SAMPLE;
  const buffer = new ArrayBuffer(HEADER_BYTES + data_bytes);
  const view = new DataView(buffer);
  const frame_bytes = count * BYTES_PER_SAMPLE;
  ascii(view, 0, 'RIFF');
  view.setUint32(4, HEADER_BYTES - 8 + data_bytes, true);
  ascii(view, 8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, count, true);
  view.setUint32(24, rate_hz, true);
  view.setUint32(28, rate_hz * frame_bytes, true);
  view.setUint16(32, frame_bytes, true);
  view.setUint16(34, 8 * BYTES_PER_SAMPLE, true);
  ascii(view, 36, 'data');
  view.setUint32(40, data_bytes, true);
  channels.forEach((samples, channel) => {
    for (let index = 0; index < samples.length; index += 1) {
      view.setInt16(HEADER_BYTES + index * frame_bytes + channel * BYTES_PER_SAMPLE, samples[index], true);
    }
  });
  return buffer;
}

/** @param {DataView} view @param {number} offset @param {string} text */
function ascii(view, offset, text) {
  for (let index = 0; index < text.length; index += 1) view.setUint8(offset + index, text.charCodeAt(index));
}
