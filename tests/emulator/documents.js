'use strict';
// What @vercel/cosmosdb-server 1.0.1 does otherwise than the service, put right in its own classes. No file of the
// package is edited: its modules are loaded first and functions of theirs are replaced.
const { AsyncLocalStorage } = require('node:async_hooks');

const LIB = '@vercel/cosmosdb-server/lib/';
const Items = require(`${LIB}account/items`).default;
const Documents = require(`${LIB}account/documents`).default;
const readDocument = require(`${LIB}handler/read-document`);
const readDocuments = require(`${LIB}handler/read-documents`);
const operations = require(`${LIB}handler/_document-operations`);

const NOT_FOUND = { code: 'NotFound', message: 'Entity with the specified id does not exist in the system.' };

// Which partition the present request is about: the package knows none for queries.
const request = new AsyncLocalStorage();
let sequence = 0;

// Every write has a number (the service's `_lsn`), which orders the change feed; `_etag` carries its own quotes.
const set = Items.prototype._set;
Items.prototype._set = function numbered(data) {
  if (this instanceof Documents) {
    sequence += 1;
    data._etag = `"${data._etag}"`;
    data._lsn = sequence;
  }
  return set.call(this, data);
};

function partitionOf(documents, data) {
  return documents._getPartitionKeyPath().reduce((value, name) => value && value[name], data);
}

// The same container with the documents of one partition only.
function narrowed(documents) {
  const partition = (request.getStore() || {}).partition;
  if (partition === undefined) return documents;
  const part = Object.create(documents);
  part._data = new Map([...documents._data].filter(([, item]) => partitionOf(documents, item.read()) === partition));
  return part;
}
Documents.prototype.query = function query(body, options) {
  return Items.prototype.query.call(narrowed(this), body, options);
};

// A point read of what is not there is a crash (500) in the package; a known etag is answered as if it were new.
const readOne = readDocument.default;
readDocument.default = (account, req, res, params) => {
  let found;
  try {
    found = readOne(account, req, res, params);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    res.statusCode = 404;
    return NOT_FOUND;
  }
  if (res.statusCode < 400 && found && req.headers['if-none-match'] === found._etag) {
    res.statusCode = 304;
    res.setHeader('etag', found._etag);
    return undefined;
  }
  return found;
};

// The change feed, mode LatestVersion: what was written after `if-none-match`, in the order of writing, each document
// once as it is now; what was deleted is not told of. The etag is the position to go on from.
function changes(account, req, res, { dbId, collId }) {
  const collection = account.database(dbId).collection(collId);
  if (!collection.read()) {
    res.statusCode = 404;
    return NOT_FOUND;
  }
  const intended = req.headers['x-ms-cosmos-intended-collection-rid'];
  if (intended && intended !== collection.read()._rid) {
    res.statusCode = 400;
    res.setHeader('x-ms-substatus', '1024');
    return { code: 'BadRequest', message: 'The container was made anew.' };
  }
  const given = String(req.headers['x-feed-position'] || '').replace(/"/g, '');
  if (given && given !== '*' && !/^\d+$/.test(given)) {
    res.statusCode = 400;
    return { code: 'BadRequest', message: 'The position of the change feed cannot be read.' };
  }
  const since = given === '*' ? sequence : Number(given || 0);
  const limit = Number(req.headers['x-ms-max-item-count'] || 100);
  const newer = [...collection.documents._data.values()]
    .map((item) => item.read())
    .filter((data) => data._lsn > since)
    .sort((a, b) => a._lsn - b._lsn);
  const page = newer.slice(0, limit > 0 ? limit : 100);
  const position = page.length < newer.length ? page[page.length - 1]._lsn : sequence;
  res.setHeader('etag', `"${position}"`);
  if (page.length === 0) {
    res.statusCode = 304;
    return undefined;
  }
  return { _rid: collection.read()._rid, Documents: page, _count: page.length };
}
const readMany = readDocuments.default;
readDocuments.default = (account, req, res, params) =>
  req.headers['x-feed-position'] === undefined ? readMany(account, req, res, params) : changes(account, req, res, params);

// A transactional batch names its partition once, in a header; the package looks for it in each operation.
const upsertOne = operations.upsertOperation;
operations.upsertOperation = (collection, input) =>
  upsertOne(collection, { ...input, partitionKey: (request.getStore() || {}).header });

// Give the package a request in the form it understands, and run it.
function handle(req, res, next) {
  const store = {};
  const path = req.url.split('?')[0];
  const feed = req.method === 'GET' && req.headers['a-im'] && /\/docs\/?$/.test(path);
  const query = req.headers['x-ms-documentdb-isquery'] && /\/docs\/?$/.test(path);
  const partition = req.headers['x-ms-documentdb-partitionkey'];
  store.header = partition;
  // The change feed of one partition comes as a range of hashes (x-ms-start-epk), which is not emulated: it gets what
  // is in all partitions. Whoever follows one must leave out the others anyhow.
  if (partition && partition !== '[]' && query) {
    [store.partition] = JSON.parse(partition);
    req.headers['x-ms-documentdb-query-enablecrosspartition'] = 'true';
  }
  if (feed) {
    req.headers['x-feed-position'] = req.headers['if-none-match'] || '';
    delete req.headers['if-none-match'];
    delete req.headers['a-im'];
  }
  res.setHeader('x-ms-session-token', `0:-1#${sequence}`);
  request.run(store, next);
}

module.exports = { handle };
