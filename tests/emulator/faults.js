'use strict';
// What goes wrong on purpose, and what was asked for. A fault is
//   {status, headers?, body?} | {hang: true} | {reset: true} | {lost: true, status?}
// with times (1), and method, path (a part of the URL), port, kind (feed, query, write, other) to match.
// `lost` does the work and then answers with the status (503) or, with reset, not at all.
const waiting = [];
const seen = [];
const LONGEST = 10000;

function kindOf(req) {
  if (!/\/docs(\/|$)/.test(req.url)) return 'other';
  if (req.headers['a-im']) return 'feed';
  if (req.headers['x-ms-documentdb-isquery']) return 'query';
  return req.method === 'GET' ? 'other' : 'write';
}

function matches(fault, req, port) {
  return (!fault.method || fault.method === req.method)
    && (!fault.path || req.url.includes(fault.path))
    && (!fault.port || fault.port === port)
    && (!fault.kind || fault.kind === kindOf(req));
}

function note(req, port) {
  if (seen.length === LONGEST) seen.shift();
  seen.push({ port, method: req.method, url: req.url, headers: { ...req.headers, authorization: undefined } });
}

// The next fault for a request, null when it goes well.
function next(req, port) {
  const at = waiting.findIndex((fault) => matches(fault, req, port));
  if (at < 0) return null;
  const fault = waiting[at];
  fault.times = (fault.times || 1) - 1;
  if (fault.times <= 0) waiting.splice(at, 1);
  return fault;
}

module.exports = {
  note,
  next,
  add: (faults) => waiting.push(...faults),
  clear: () => waiting.splice(0),
  takeSeen: () => seen.splice(0),
};
