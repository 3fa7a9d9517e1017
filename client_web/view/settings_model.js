// @ts-check
/**
 * The settings of the page: their defaults, what is believed of a stored copy, and what they mean in the Realtime
 * protocol's session object and in media constraints.
 * @module
 */

/**
 * @typedef {object} Settings
 * @property {string} voice '' leaves the choice to the server
 * @property {string} instructions '' leaves them to the server
 * @property {'server_vad' | 'semantic_vad' | 'push_to_talk'} turns
 * @property {number} sensitivity 5 … 95; the protocol's `threshold` is the other way round
 * @property {number} pause_ms silence that ends a turn
 * @property {'low' | 'medium' | 'high'} eagerness
 * @property {boolean} interrupt
 * @property {string} agent one of the server's agents; '' leaves the choice to the server
 * @property {boolean} greet the demo model begins the conversation
 * @property {'system' | 'light' | 'dark'} theme
 * @property {'clause' | 'all'} ahead how far the words of a reply may run ahead of its voice
 * @property {string} input_id '' is the system's default
 * @property {boolean} echo_cancellation
 * @property {boolean} noise_suppression
 * @property {boolean} auto_gain
 * @property {string} output_id '' is the system's default
 * @property {number} volume 0 … 100
 */

/** @type {Readonly<Settings>} */
export const DEFAULTS = Object.freeze({
  voice: '',
  instructions: '',
  turns: 'server_vad',
  sensitivity: 50,
  pause_ms: 500,
  eagerness: 'medium',
  interrupt: true,
  agent: '',
  greet: true,
  theme: 'system',
  ahead: 'clause',
  input_id: '',
  echo_cancellation: true,
  noise_suppression: true,
  auto_gain: true,
  output_id: '',
  volume: 100,
});

/** OpenAI's voices, of the Realtime API and of Chat Completions: for servers that do not tell which their model has. */
export const VOICES = Object.freeze(['alloy', 'ash', 'ballad', 'cedar', 'coral', 'echo', 'fable', 'marin', 'nova', 'onyx', 'sage', 'shimmer', 'verse']);

/** @type {Partial<Record<keyof Settings, readonly string[]>>} */
const CHOICES = { turns: ['server_vad', 'semantic_vad', 'push_to_talk'], eagerness: ['low', 'medium', 'high'], theme: ['system', 'light', 'dark'], ahead: ['clause', 'all'] };
/** @type {Partial<Record<keyof Settings, readonly [number, number]>>} */
const RANGES = { sensitivity: [5, 95], pause_ms: [200, 2000], volume: [0, 100] };

/**
 * What can be believed of a stored or typed copy; anything else is the default.
 * @param {unknown} found
 * @returns {Settings}
 */
export function believed(found) {
  const given = typeof found === 'object' && found !== null ? /** @type {Record<string, unknown>} */ (found) : {};
  /** @type {Record<string, unknown>} */
  const settings = {};
  for (const [name, standard] of Object.entries(DEFAULTS)) {
    settings[name] = acceptable(/** @type {keyof Settings} */ (name), given[name]) ? given[name] : standard;
  }
  return /** @type {Settings} */ (/** @type {unknown} */ (settings));
}

/** @param {keyof Settings} name @param {unknown} value */
function acceptable(name, value) {
  if (typeof value !== typeof DEFAULTS[name]) return false;
  const range = RANGES[name];
  if (range) return Number(value) >= range[0] && Number(value) <= range[1];
  return CHOICES[name]?.includes(String(value)) ?? true;
}

/**
 * @param {Settings} settings
 * @returns {Record<string, any>} the protocol's `turn_detection`; null for push-to-talk
 */
export function turnDetection(settings) {
  switch (settings.turns) {
    case 'push_to_talk':
      return /** @type {any} */ (null);
    case 'semantic_vad':
      return { type: 'semantic_vad', eagerness: settings.eagerness, create_response: true, interrupt_response: settings.interrupt };
    default:
      return {
        type: 'server_vad',
        threshold: Math.round(100 - settings.sensitivity) / 100,
        silence_duration_ms: settings.pause_ms,
        create_response: true,
        interrupt_response: settings.interrupt,
      };
  }
}

/**
 * Fields of the Realtime session for these settings. Given `before`, only what changed, and null when nothing did.
 * @param {Settings} settings
 * @param {Settings} [before]
 * @returns {Record<string, any> | null}
 */
export function sessionFields(settings, before) {
  /** @type {Record<string, any>} */
  const audio = {};
  const detection = turnDetection(settings);
  if (!before || JSON.stringify(detection) !== JSON.stringify(turnDetection(before))) audio.input = { turn_detection: detection };
  if (before ? settings.voice !== before.voice && settings.voice !== '' : settings.voice !== '') audio.output = { voice: settings.voice };
  const instructed = before ? settings.instructions !== before.instructions : settings.instructions !== '';
  /** @type {Record<string, any>} */
  const fields = instructed ? { instructions: settings.instructions } : {};
  if (Object.keys(audio).length > 0) fields.audio = audio;
  return before && Object.keys(fields).length === 0 ? null : fields;
}

/** @param {Settings} settings @returns {MediaTrackConstraints} */
export function constraints(settings) {
  return {
    echoCancellation: settings.echo_cancellation,
    noiseSuppression: settings.noise_suppression,
    autoGainControl: settings.auto_gain,
  };
}

/** @param {Settings} settings @param {Settings} before */
export function microphoneChanged(settings, before) {
  return settings.input_id !== before.input_id || JSON.stringify(constraints(settings)) !== JSON.stringify(constraints(before));
}
