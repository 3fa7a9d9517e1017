// @ts-check
/**
 * Space to talk, M to mute, Esc to stop the reply. Keys that a field or a button needs stay with it.
 * @module
 */

/** @typedef {{press: () => void, release: () => void, mute: () => void, escape: () => boolean, talkKeyWanted: () => boolean}} Actions */

/**
 * What a key does, for an event with this target.
 * @param {{key: string, code: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean}} event
 * @param {{typing: boolean, operating: boolean}} target `typing`: a field takes letters; `operating`: the element uses Space itself
 * @returns {'talk' | 'mute' | 'escape' | null}
 */
export function action(event, { typing, operating }) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key === 'Escape') return 'escape';
  if (typing) return null;
  if (event.key === 'm' || event.key === 'M') return 'mute';
  return event.code === 'Space' && !operating ? 'talk' : null;
}

/** @param {Actions} actions `escape` returns true when the key was used */
export function listenForShortcuts(actions) {
  let pressed = false;
  const release = () => {
    if (pressed) actions.release();
    pressed = false;
  };
  document.addEventListener('keydown', (event) => {
    switch (action(event, facts(event.target))) {
      case 'escape':
        if (actions.escape()) event.preventDefault();
        break;
      case 'mute':
        if (!event.repeat) actions.mute();
        break;
      case 'talk':
        if (!actions.talkKeyWanted()) break;
        event.preventDefault();
        if (!event.repeat && !pressed) actions.press();
        pressed = true;
        break;
      default:
    }
  });
  document.addEventListener('keyup', (event) => {
    if (event.code === 'Space') release();
  });
  window.addEventListener('blur', release);
}

/** @param {EventTarget | null} target */
function facts(target) {
  if (!(target instanceof Element)) return { typing: false, operating: false };
  const field = target.closest('input, textarea, select, [contenteditable]');
  const letters = field instanceof HTMLInputElement ? !['checkbox', 'radio', 'range', 'button', 'submit'].includes(field.type) : field !== null;
  const talk_button = target.closest('#ptt') !== null;
  return { typing: letters, operating: !talk_button && target.closest('input, select, textarea, button, summary, a[href]') !== null };
}
