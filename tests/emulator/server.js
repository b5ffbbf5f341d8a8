'use strict';
// Azure Cosmos DB's protocol over HTTPS on 127.0.0.1, for tests: `node server.js [PORT …]`. The first port is that of
// the account; more are its regions, the first of which takes writes. Port 0 is any free one. What it holds is gone
// when it ends.
//
// Says `ready PORT … control PORT` when it can be used. The control port speaks plain HTTP:
//   POST /faults [fault, …]   see faults.js       DELETE /faults   none any more
//   GET  /seen                the requests since the last question
//   POST /away {"away": true} nobody listens and every connection is cut, until {"away": false}
const http = require('node:http');
const { randomUUID } = require('node:crypto');
const { handle } = require('./documents'); // before the package itself, parts of which it replaces
const { createHttpsServer } = require('@vercel/cosmosdb-server');
const faults = require('./faults');
const { refusal } = require('./signature');

const HOST = '127.0.0.1';
const places = []; // the account's own, then its regions
const connections = new Set();

function send(res, status, body, headers = {}) {
  res.writeHead(status, {
    'content-type': 'application/json', 'x-ms-activity-id': randomUUID(), 'x-ms-request-charge': '1', ...headers,
  });
  res.end(status === 304 ? undefined : JSON.stringify(body));
}

function account() {
  const own = places.length > 1 ? places.slice(1) : places;
  const regions = own.map(({ port }, n) => ({ name: `Region ${n + 1}`, databaseAccountEndpoint: `https://${HOST}:${port}/` }));
  return {
    _self: '', id: 'emulator', _rid: 'emulator', media: '//media/', addresses: '//addresses/', _dbs: '//dbs/',
    writableLocations: regions.slice(0, 1), readableLocations: regions, enableMultipleWriteLocations: false,
    userConsistencyPolicy: { defaultConsistencyLevel: 'Session' }, userReplicationPolicy: {}, systemReplicationPolicy: {},
    readPolicy: {}, queryEngineConfiguration: '{}',
  };
}

function fail(fault, req, res) {
  if (fault.hang) return;
  if (fault.reset) req.socket.destroy();
  else send(res, fault.status || 503, fault.body || { code: String(fault.status), message: 'injected' }, fault.headers);
}

// Let the package do its work, and keep its answer from the client.
function lose(fault, req, res) {
  const end = res.end.bind(res);
  res.end = () => {
    if (fault.reset) return req.socket.destroy();
    res.statusCode = fault.status || 503;
    return end(JSON.stringify({ code: String(res.statusCode), message: 'injected' }));
  };
}

function answer(place, req, res) {
  faults.note(req, place.port);
  const refused = refusal(req);
  if (refused) return send(res, refused.status, refused.body, refused.headers);
  const fault = faults.next(req, place.port);
  if (fault && fault.lost) lose(fault, req, res);
  else if (fault) return fail(fault, req, res);
  // The service then has the client merge what the ranges answer; there is one range here.
  if (req.headers['x-ms-cosmos-is-query-plan-request'] === 'True') {
    return send(res, 400, { code: 'BadRequest', message: 'query plans are not emulated' });
  }
  if (req.method === 'GET' && req.url.split('?')[0] === '/') return send(res, 200, account());
  return handle(req, res, () => places[0].work(req, res));
}

function listen(server, port) {
  return new Promise((done) => { server.listen(port, HOST, () => done(server.address().port)); });
}

async function addPlace(port) {
  const server = createHttpsServer({ keepAlive: true });
  const place = { server, work: server.listeners('request')[0] };
  server.removeListener('request', place.work);
  server.on('request', (req, res) => answer(place, req, res));
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
  });
  place.port = await listen(server, port);
  // The package makes a new, empty account whenever it begins to listen: once is enough.
  server.removeAllListeners('listening');
  places.push(place);
}

async function leave(away) {
  if (away) {
    places.filter(({ server }) => server.listening).forEach(({ server }) => server.close());
    connections.forEach((socket) => socket.destroy());
  } else {
    await Promise.all(places.filter(({ server }) => !server.listening).map(({ server, port }) => listen(server, port)));
  }
}

async function control(req, res) {
  const parts = [];
  for await (const part of req) parts.push(part);
  const body = parts.length ? JSON.parse(Buffer.concat(parts)) : null;
  if (req.url === '/faults' && req.method === 'POST') faults.add(body);
  else if (req.url === '/faults') faults.clear();
  else if (req.url === '/away') await leave(body.away);
  send(res, 200, req.url === '/seen' ? faults.takeSeen() : {});
}

async function main() {
  const ports = process.argv.slice(2).map(Number);
  for (const port of ports.length ? ports : [0]) await addPlace(port);
  const port = await listen(http.createServer(control), 0);
  console.log(`ready ${places.map((place) => place.port).join(' ')} control ${port}`);
}

// The package writes faults of its own to stderr; ends with its parent, which holds the other end of stdin.
process.stdin.on('end', () => process.exit(0)).resume();
main();
