// @ts-check
/**
 * Every way in which a reply can end, as one table: what is shown below its words, what the text file says, and what the
 * table of turns counts it as. Pure.
 *
 * | ending      | when                                                                                             |
 * |-------------|--------------------------------------------------------------------------------------------------|
 * | heard       | it was played to its end                                                                         |
 * | interrupted | the caller talked over it                                                                        |
 * | stopped     | the person stopped it: Esc, the button, a typed message, push-to-talk                            |
 * | ended       | the conversation was ended by the person, or in peace by the server                              |
 * | link-lost   | the connection was lost                                                                          |
 * | restarted   | the server restarted                                                                             |
 * | closed      | the server ended the conversation                                                                |
 * | expired     | the conversation reached its longest duration                                                    |
 * | failed      | the model failed, before or after its first sound                                                |
 * | shortened   | the model reached its longest length, or a filter stopped it; what there is of it was heard      |
 */

/** @typedef {'heard' | 'interrupted' | 'stopped' | 'ended' | 'link-lost' | 'restarted' | 'closed' | 'expired' | 'failed' | 'shortened'} Ending */
/**
 * @typedef {object} EndingWords
 * @property {string} shown begins the line below the words: `… here`, `… before a word was heard`
 * @property {string} written in brackets behind the words of the text file
 * @property {string} counted what the table of turns says of the reply
 * @property {boolean} interruption it counts as an interruption by the person
 */

/** @type {Record<Ending, EndingWords>} */
export const ENDINGS = {
  heard: { shown: '', written: '', counted: '', interruption: false },
  interrupted: { shown: 'Interrupted', written: 'interrupted', counted: 'interrupted', interruption: true },
  stopped: { shown: 'Stopped', written: 'stopped', counted: 'stopped by you', interruption: true },
  ended: { shown: 'The conversation ended', written: 'the conversation ended', counted: 'cut off by the end', interruption: false },
  'link-lost': { shown: 'The connection was lost', written: 'the connection was lost', counted: 'cut off: connection lost', interruption: false },
  restarted: { shown: 'The server restarted', written: 'the server restarted', counted: 'cut off: server restarted', interruption: false },
  closed: { shown: 'The server ended the conversation', written: 'the server ended the conversation', counted: 'cut off by the server', interruption: false },
  expired: { shown: 'The conversation reached its longest duration', written: 'the time was over', counted: 'cut off: time over', interruption: false },
  failed: { shown: 'The model failed', written: 'the model failed', counted: 'cut off: model failed', interruption: false },
  shortened: { shown: 'The reply was cut short', written: 'cut short', counted: 'cut short by the model', interruption: false },
};

/** @type {Record<string, Ending>} how a reply ends when the connection goes with this trouble */
const OF_TROUBLE = {
  socket_lost: 'link-lost',
  offline: 'link-lost',
  server_unreachable: 'link-lost',
  too_slow: 'link-lost',
  server_restarting: 'restarted',
  session_expired: 'expired',
};

/** @param {string | null} trouble code of the trouble that ended the connection; null: it ended in peace @returns {Ending} */
export function endingOf(trouble) {
  return trouble === null ? 'ended' : (OF_TROUBLE[trouble] ?? 'closed');
}

/**
 * The line below the words.
 * @param {{ending: Ending | null, heard: string, unheard: string}} entry
 * @returns {string} '' for none
 */
export function shownEnding({ ending, heard, unheard }) {
  const words = ending === null ? '' : ENDINGS[ending].shown;
  if (words === '') return '';
  const after = ending === 'failed' ? '. Say it again, or go on.' : '';
  if (heard.trim() === '') return `${words} before a word was heard${after}`;
  return unheard.trim() === '' ? `${words} here${after}` : `${words} here; the rest was not heard${after}`;
}
