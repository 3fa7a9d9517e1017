// @ts-check
/**
 * The types of session.js: its options, the details of its events, what its methods give. No code.
 *
 * @module
 */

/**
 * @typedef {'disconnected' | 'connecting' | 'retrying' | 'reconnecting' | 'listening' | 'user-speaking' | 'thinking'
 *   | 'speaking' | 'holding' | 'muted' | 'error'} State
 */

/**
 * @typedef {object} VoiceSessionOptions
 * @property {string | URL} [url] WebSocket address, default `/v1/realtime` of the page's own host. http(s) is accepted
 *   and becomes ws(s). Add `?model=NAME` to choose a model.
 * @property {string} [token] a key or an ephemeral token (`ek_…`) for servers that want one.
 * @property {() => Promise<string | null> | string | null} [getToken] called before every connection instead of `token`,
 *   so that an expired token is replaced. See `mintToken`.
 * @property {object} [session] Realtime GA session fields (`instructions`, `audio.input.turn_detection`,
 *   `audio.output.voice`, …), sent as `session.update` at the start of every connection. Formats are always PCM 24 kHz.
 * @property {boolean} [microphone] false: never ask for a microphone (typed input only). Default true.
 * @property {MediaTrackConstraints} [constraints] laid over the defaults: mono, echo canceller, noise suppression and
 *   automatic gain control on.
 * @property {AudioContext} [audioContext] a context of your own, at any sample rate; it is not closed by stop().
 * @property {number} [resumeTimeoutMs] how long to wait for the audio device to start. Default 2000.
 * @property {number} [pingIntervalMs] liveness check of the socket. Default 5000.
 * @property {number} [pingTimeoutMs] a link silent for this long after a ping is dead. Default 5000.
 * @property {number} [prerollMs] sound kept from before push-to-talk is pressed. Default 300.
 * @property {boolean} [metering] send `level` events. Default true.
 * @property {() => number} [random] source of jitter, 0 ≤ x < 1. Default Math.random.
 */

/**
 * @typedef {object} StateDetail
 * @property {State} state
 * @property {State} previous
 * @property {boolean} muted the microphone is muted (the state may be another one, `speaking` for instance)
 * @property {boolean} microphone a microphone is open
 * @property {boolean} pushToTalk turn detection is off: the caller's turns are made with press() and release()
 * @property {number} at_ms
 */

/**
 * @typedef {object} SessionDetail
 * @property {'created' | 'updated'} reason
 * @property {Record<string, any>} session the complete effective session, as the server echoed it
 * @property {boolean | null} resumed null: the first connection. true: everything missed was replayed. false: a new
 *   session; the server remembers nothing of the conversation so far
 * @property {number} connection 1, 2, 3, …
 * @property {boolean} extended the server speaks `bargein.v1` (exact heard positions, hold)
 * @property {number} at_ms
 */

/**
 * @typedef {object} TranscriptDetail
 * @property {string} item_id
 * @property {'user' | 'assistant'} role
 * @property {string} text all of it, heard or not. Empty while nothing is known yet, and for a spoken user turn that the
 *   server does not transcribe (`status` says which)
 * @property {boolean} final false: more text will come
 * @property {'voice' | 'text'} source spoken or typed (replies: voice, or text when the session's output is text)
 * @property {'pending' | 'transcribing' | 'done' | 'untranscribed' | 'failed'} status `pending`: the turn is still being
 *   spoken or written; `transcribing`: the words of a spoken user turn are awaited; `untranscribed`: they will not come
 *   (no transcription configured, or it failed); `failed`: the model failed in the middle of this reply
 * @property {import('./engine/endings.js').Ending | null} ending replies: how it ended; null while it has not
 * @property {boolean} interrupted it was not heard to its end; `ending` says why
 * @property {string} heard interrupted replies: the words that were heard. Otherwise equal to `text`
 * @property {string} unheard interrupted replies: the rest, to be struck through. Otherwise ''
 * @property {boolean} exact true when the split was told by the server (`bargein.cut`), false when estimated here
 * @property {string | null} response_id
 * @property {string | null} previous_item_id place in the conversation; null: at the front, or not known yet
 * @property {boolean} [removed] true: the entry is gone (deleted, or a turn that came to nothing); take it away
 * @property {number} started_ms when the turn began (user: onset of speech; assistant: its item was added)
 * @property {number} at_ms
 */

/**
 * @typedef {object} CaptionDetail
 * @property {string} response_id
 * @property {string} item_id
 * @property {string} text text known so far
 * @property {number} heard_chars so many characters of `text` have been heard: an estimate at a whole word, never falls
 * @property {number} heard_samples samples of the reply played so far
 * @property {number} received_samples samples of the reply received so far
 * @property {boolean} playing
 * @property {number} at_ms
 */

/**
 * @typedef {object} ResponseDetail
 * @property {string} response_id
 * @property {'in_progress' | 'completed' | 'cancelled' | 'incomplete' | 'failed'} status
 * @property {string | null} reason `turn_detected`, `client_cancelled`, `max_output_tokens`, `content_filter`, or the
 *   failure's message
 * @property {Record<string, any>} response the protocol's response object
 * @property {number} at_ms
 */

/**
 * @typedef {object} VadDetail
 * @property {boolean} speech
 * @property {number | null} level_db
 * @property {number | null} probability
 * @property {number | null} input_ms the server's input clock: milliseconds of sound sent in this connection
 * @property {number} at_ms when that moment of the caller's speech happened on the page's clock
 */

/**
 * @typedef {object} HoldDetail
 * @property {string | null} response_id
 * @property {string | null} item_id
 * @property {number} samples position in the reply: of one that was paused, the first sample that is played after resume
 * @property {number} at_ms when the output fell silent or quiet (hold), or was as loud as before (resume)
 * @property {boolean} ducked the reply is played on, quietly; false: it is paused
 */

/**
 * @typedef {object} FlushDetail
 * @property {string} response_id
 * @property {string} item_id
 * @property {number} samples exactly so many samples of the reply were heard
 * @property {number} dropped_samples received, never played
 * @property {'server' | 'interrupt' | 'stop'} reason
 * @property {number} at_ms when the output fell silent
 */

/**
 * @typedef {object} CutDetail
 * @property {string} response_id
 * @property {string} item_id
 * @property {number} heard_samples
 * @property {string} heard_text
 * @property {string} unheard_text
 * @property {number} at_ms
 */

/**
 * @typedef {object} LatencyDetail
 * @property {'response' | 'barge_in' | 'round_trip' | 'server'} kind
 *   `response`: end of the caller's turn → first sound of the reply at the speaker; `barge_in`: onset of the caller's
 *   speech → the reply's output silent; `round_trip`: ping → pong; `server`: the stages of `bargein.latency`
 * @property {number} ms the total
 * @property {string | null} response_id
 * @property {Record<string, number> | null} stages `server`: milliseconds by stage, which sum to the total
 * @property {'voice' | 'push-to-talk' | 'text' | null} trigger `response`: how the turn ended
 * @property {'response' | 'barge_in' | null} after `server`: what the stages lead to
 * @property {number} from_ms start of the measured span on the page's clock
 * @property {number} at_ms end of the measured span
 */

/**
 * @typedef {object} UnderrunDetail
 * @property {string} response_id
 * @property {string} item_id
 * @property {number} samples where in the reply the gap is
 * @property {number} count underruns of this VoiceSession so far
 * @property {number} at_ms
 */

/**
 * @typedef {object} LevelDetail
 * @property {'caller' | 'agent'} lane
 * @property {number} peak 0 … 1
 * @property {number} rms 0 … 1
 * @property {number} at_ms
 */

/**
 * @typedef {object} ArrivedDetail
 * @property {string} response_id
 * @property {string} item_id
 * @property {number} start_sample position in the reply
 * @property {Int16Array} samples to look at: copy what you keep
 * @property {number} at_ms
 */

/**
 * @typedef {object} AudioDetail
 * @property {'caller' | 'agent'} lane
 * @property {Int16Array} samples yours to keep
 * @property {number} start_ms page-clock time of the first sample: caller, when it was captured; agent, when it was
 *   heard at the speaker
 * @property {boolean} sent caller: it went to the server (false: muted, dropped, or not pressed). agent: always true
 * @property {number | null} input_sample caller: position in the server's input clock of this connection, when sent
 * @property {string | null} response_id
 * @property {string | null} item_id
 * @property {number | null} start_sample agent: position in the reply
 */

/**
 * @typedef {object} MicrophoneDetail
 * @property {boolean} open
 * @property {boolean} muted
 * @property {string | null} device_id
 * @property {string | null} label
 * @property {MediaTrackSettings | null} granted what the browser really gave: look at `echoCancellation`,
 *   `noiseSuppression`, `autoGainControl`, `sampleRate`, `channelCount`
 * @property {number | null} context_rate_hz
 * @property {number} at_ms
 */

/**
 * @typedef {object} Device
 * @property {string} id
 * @property {string} label never empty: `Microphone 1` while the browser hides the names
 */

/**
 * @typedef {object} DevicesDetail
 * @property {Device[]} microphones
 * @property {Device[]} speakers empty where the browser cannot choose one
 * @property {string | null} microphone_id in use
 * @property {string} speaker_id in use; '' is the system's default
 * @property {boolean} can_choose_speaker
 */

/**
 * @typedef {object} ReconnectingDetail
 * @property {number} attempt 1, 2, 3, …
 * @property {number} attempts after so many it ends in an error
 * @property {number} delay_ms
 * @property {number} at_ms page-clock time of the attempt
 * @property {number | null} code the close code
 * @property {string} reason why, in plain words
 */

/**
 * @typedef {object} WireDetail
 * @property {'in' | 'out'} direction
 * @property {string} type the event's type; `binary` for sound messages
 * @property {Record<string, any>} event the message, with sound replaced by a summary such as `"<4800 samples, 200 ms>"`
 * @property {number} size_bytes
 * @property {boolean} audio true for the many messages of sound: easy to filter away
 * @property {number} connection
 * @property {number} at_ms
 */

/**
 * @typedef {object} TroubleDetail
 * @property {string} code
 * @property {string} title what is wrong, a short sentence without full stop
 * @property {string} help what to do about it
 * @property {boolean} fatal the session has ended or cannot go on (the state is `error` or `disconnected`)
 * @property {(() => Promise<void>) | null} retry call it in a click: tries again what failed. null: nothing to try
 * @property {string | null} action label for a button that calls `retry`
 * @property {unknown} cause the Error, close event or protocol error behind it; for the log
 * @property {string | null} detail the cause in one technical line; for a "details" disclosure
 * @property {number} at_ms
 */

/**
 * @typedef {object} RecoveredDetail
 * @property {string} code
 * @property {number} at_ms
 */

/**
 * @typedef {object} LatencySummary
 * @property {number} count
 * @property {number | null} last_ms
 * @property {number | null} p50_ms
 * @property {number | null} p95_ms
 * @property {number | null} max_ms
 */

/**
 * @typedef {object} Stats
 * @property {State} state
 * @property {{connections: number, attempts: number, extended: boolean, buffered_bytes: number, sent_bytes: number,
 *   received_bytes: number, last_seq: number | null, missed_seq: number}} link
 * @property {{open: boolean, muted: boolean, frames_sent: number, frames_dropped: number, frames_waiting: number,
 *   sent_ms: number, context_rate_hz: number | null}} microphone
 * @property {{underruns: number, queued_ms: number, start_ms: number, late_dropped_samples: number,
 *   overflow_samples: number, output_latency_ms: number, context_rate_hz: number | null, volume: number}} speaker
 * @property {{response: LatencySummary, barge_in: LatencySummary, round_trip: LatencySummary}} latency
 */

/**
 * @typedef {(args: Record<string, any>, call: {call_id: string, name: string}) => unknown} ToolFunction
 *   returns (or promises) anything that JSON can carry; a thrown Error is told to the model as its result
 */

export {};
