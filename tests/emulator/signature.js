'use strict';
// Who may ask. The service signs each request with HMAC-SHA256 over verb, resource type, resource link and date:
// learn.microsoft.com, "Access control on Azure Cosmos DB resources" (REST reference).
const { createHmac } = require('node:crypto');

// The key of Microsoft's own emulator, which its documentation prints: it opens nothing.
const KEY = process.env.COSMOS_KEY
  || 'C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==';
// The token that Entra ID is taken to have made; without it every token is good.
const TOKEN = process.env.AAD_TOKEN;

const REFUSED = { status: 401, body: { code: 'Unauthorized', message: "The input authorization token can't serve the request." } };

function resource(req) {
  const parts = req.url.split('?')[0].split('/').filter(Boolean).map(decodeURIComponent);
  const isFeed = parts.length % 2 === 1;
  return {
    type: (isFeed ? parts[parts.length - 1] : parts[parts.length - 2] || '').toLowerCase(),
    link: (isFeed ? parts.slice(0, -1) : parts).join('/'),
  };
}

// Roles of the data plane open items only: databases and containers are made by the control plane
// (learn.microsoft.com, "Data plane security reference - Azure Cosmos DB for NoSQL").
function refusedToToken(req) {
  const { type } = resource(req);
  if (req.method === 'GET' || (type !== 'dbs' && type !== 'colls')) return null;
  const message = `The given request [${req.method} ${req.url}] cannot be authorized by AAD token in data plane.`;
  return { status: 403, headers: { 'x-ms-substatus': '5300' }, body: { code: 'Forbidden', message } };
}

// What is wrong with the authorization of a request, null when nothing is.
function refusal(req) {
  const given = decodeURIComponent(req.headers.authorization || '');
  const token = /^type=aad&ver=1\.0&sig=(.+)$/.exec(given);
  if (token) return TOKEN && token[1] !== TOKEN ? REFUSED : refusedToToken(req);
  const signed = /^type=master&ver=1\.0&sig=(.+)$/.exec(given);
  if (!signed) return REFUSED;
  const { type, link } = resource(req);
  const text = [req.method.toLowerCase(), type, link, (req.headers['x-ms-date'] || '').toLowerCase(), '', ''].join('\n');
  const expected = createHmac('sha256', Buffer.from(KEY, 'base64')).update(text).digest('base64');
  return signed[1] === expected ? null : REFUSED;
}

module.exports = { refusal };
