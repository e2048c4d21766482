// Whether an event of the wire view is what an experiment looks for. The criterion is in attributes of the
// experiment, and each attribute that is there must hold:
//
//   data-status    the status code                              304
//   data-decided   the function of the step that decided it     semantics::precondition::if_none_match
//   data-seen      the function of any of its steps             semantics::if_range::evaluate
//   data-method    the method                                   HEAD
//   data-target    the path of the target; not of frames        /almanac.txt
//   data-number    the number of the exchange on its connection 2
//   data-slow      how long the head took at least, in ms       500
//   data-request   matches the head of the request              ^If-None-Match: W\/
//   data-response  matches the head of the response             ^Content-Range: bytes \*\/
//   data-frame     who sent a frame, and which opcode           server pong
//   data-payload   matches its payload                          ^Hello$

const OPCODES = { 0: 'continuation', 1: 'text', 2: 'binary', 8: 'close', 9: 'ping', 10: 'pong' };

export const opcode = frame => OPCODES[frame.head.charCodeAt(0) & 15] ?? String(frame.head.charCodeAt(0) & 15);

// The step that decided the status: the last one that has one.
export const deciding = exchange => exchange.steps.findLast(step => step.status !== null);

// The step that the experiment is about, if it is not the deciding one.
export const seen = (criterion, exchange) => exchange.steps.findLast(step => step.function.endsWith(`::${criterion.seen}`));

const matches = (pattern, text) => pattern === undefined || new RegExp(pattern, 'im').test(text);
const equals = (wanted, got) => wanted === undefined || wanted === String(got);

export function wantsFrame(criterion) {
  return criterion.frame !== undefined;
}

export function exchangeSucceeds(criterion, exchange) {
  if (wantsFrame(criterion)) return false;
  const decided = deciding(exchange)?.function ?? '';
  return equals(criterion.status, exchange.status)
    && (criterion.decided === undefined || decided.endsWith(`::${criterion.decided}`))
    && (criterion.seen === undefined || seen(criterion, exchange) !== undefined)
    && equals(criterion.method, exchange.method)
    && equals(criterion.number, exchange.number)
    && exchange.times.head >= Number(criterion.slow ?? 0) * 1000
    && equals(criterion.target, exchange.target.split('?')[0])
    && matches(criterion.request, exchange.request.head.replaceAll('\r', ''))
    && matches(criterion.response, exchange.response.head.replaceAll('\r', ''));
}

export function frameSucceeds(criterion, frame) {
  return wantsFrame(criterion)
    && criterion.frame === `${frame.from} ${opcode(frame)}`
    && matches(criterion.payload, frame.first);
}
