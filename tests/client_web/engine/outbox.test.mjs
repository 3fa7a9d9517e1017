import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InputClock } from '../../../client_web/audio/clocks.js';
import { Outbox } from '../../../client_web/engine/outbox.js';

/** An outbox with a microphone whose frames are numbered, and a socket whose fill the test sets. */
function outbox() {
  const log = [];
  const dropped = [];
  const clock = new InputClock();
  let n = 0;
  const made = {
    log, dropped, clock, buffered: 0,
    box: new Outbox(clock, {
      send: (pcm) => log.push(new Int16Array(pcm)[0]),
      buffered_bytes: () => made.buffered,
      onDone: (frame, input_sample) => input_sample === null && dropped.push(new Int16Array(frame.pcm)[0]),
    }, { prerollMs: 300 }),
    frames(count) {
      for (let i = 0; i < count; i++) {
        n++;
        made.box.frame({ pcm: Int16Array.of(n, ...new Array(479).fill(0)).buffer, start_ms: n * 20 });
      }
    },
  };
  return made;
}

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => from + n);

describe('before the session is ready', () => {
  test('what is said waits and is sent in order', () => {
    const { box, frames, log, clock } = outbox();
    frames(100);
    assert.deepEqual(log, []);
    assert.equal(box.frames_waiting, 100);
    box.open(false);
    frames(2);
    assert.deepEqual(log, range(1, 102));
    assert.equal(clock.toPage(0), 20, 'the input clock begins with the sound that waited');
  });

  test('five seconds at most: the oldest is dropped', () => {
    const { box, frames, log, dropped } = outbox();
    frames(260);
    box.open(false);
    assert.deepEqual(log, range(11, 260));
    assert.deepEqual(dropped, range(1, 10));
    assert.equal(box.frames_dropped, 10);
  });

  test('while the link is lost it waits again, and the new session counts from 0', () => {
    const { box, frames, log, clock } = outbox();
    box.open(false);
    frames(10);
    box.shut();
    frames(5);
    assert.equal(log.length, 10);
    box.open(false);
    assert.equal(log.length, 15);
    assert.equal(clock.samples, 5 * 480);
  });
});

describe('a slow network', () => {
  test('over 250 ms in the browser\'s buffer the newest frame is dropped and counted', () => {
    const made = outbox();
    made.box.open(false);
    made.frames(2);
    made.buffered = 12_001;
    made.frames(3);
    made.buffered = 12_000;
    made.frames(1);
    assert.deepEqual(made.log, [1, 2, 6]);
    assert.equal(made.box.frames_dropped, 3);
    assert.equal(made.clock.samples, 3 * 480, 'the input clock counts what was sent');
  });

  test('what waited is not dropped, it goes out as there is room', () => {
    const made = outbox();
    made.frames(50);
    made.buffered = 99_999;
    made.box.open(false);
    made.frames(1);
    assert.deepEqual(made.log, []);
    made.buffered = 0;
    made.frames(1);
    assert.deepEqual(made.log, range(1, 52));
  });
});

describe('muted', () => {
  test('silence long enough to end the turn, then nothing', () => {
    const { box, frames, log } = outbox();
    box.open(false);
    frames(3);
    box.mute(true);
    frames(200);
    assert.deepEqual(log, [1, 2, 3, ...new Array(100).fill(0)]);
    box.mute(false);
    frames(1);
    assert.equal(log.at(-1), 204);
  });
});

describe('push-to-talk', () => {
  test('clear, what was said a little before, what was said, and the turn', () => {
    const { box, frames, log } = outbox();
    box.pushToTalk = true;
    box.open(false);
    frames(40);
    box.press(() => log.push('clear'));
    frames(10);
    box.release(1030, () => log.push('turn'), () => log.push('nothing'));
    frames(20);
    assert.deepEqual(log, ['clear', ...range(26, 51), 'turn'], 'the frame that was being captured is part of it');
  });

  test('a turn made before the session is ready waits as a whole', () => {
    const { box, frames, log } = outbox();
    box.pushToTalk = true;
    box.press(() => log.push('clear'));
    frames(10);
    box.release(0, () => log.push('turn'), () => log.push('nothing'));
    box.endTurn();
    assert.deepEqual(log, []);
    box.open(false);
    assert.deepEqual(log, ['clear', ...range(1, 10), 'turn']);
  });

  test('less than 100 ms is no turn', () => {
    const { box, frames, log } = outbox();
    box.pushToTalk = true;
    box.open(false);
    box.press(() => log.push('clear'));
    frames(4);
    box.release(0, () => log.push('turn'), () => log.push('nothing'));
    box.endTurn();
    box.endTurn();
    assert.deepEqual(log.slice(-2), [4, 'nothing']);
  });

  test('release without press does nothing', () => {
    const { box, log } = outbox();
    box.open(false);
    box.release(0, () => log.push('turn'), () => log.push('nothing'));
    box.endTurn();
    assert.deepEqual(log, []);
  });

  test('pressing again ends the turn before', () => {
    const { box, frames, log } = outbox();
    box.pushToTalk = true;
    box.open(false);
    box.press(() => log.push('clear'));
    frames(6);
    box.release(9999, () => log.push('turn'), () => log.push('nothing'));
    box.press(() => log.push('clear'));
    assert.deepEqual(log, ['clear', ...range(1, 6), 'turn', 'clear']);
  });

  test('clear forgets all of it', () => {
    const { box, frames, log } = outbox();
    frames(30);
    box.clear();
    box.open(false);
    assert.deepEqual(log, []);
    assert.equal(box.frames_waiting, 0);
  });
});
