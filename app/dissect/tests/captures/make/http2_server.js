// Node's own HTTP/2 server over plain TCP.
const http2 = require('http2');
const server = http2.createServer({ settings: { maxConcurrentStreams: 100, enablePush: false } });
server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  const path = headers[':path'];
  if (path === '/large') {
    stream.respond({ ':status': 200, 'content-type': 'text/plain', 'x-note': 'n'.repeat(40) });
    stream.end('0123456789abcdef'.repeat(1200));
  } else if (path === '/trailers') {
    stream.respond({ ':status': 200, 'content-type': 'text/plain; charset=utf-8' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': 'abc123' }));
    stream.end('你好，HTTP/2\n');
  } else if (path === '/cookies') {
    stream.respond({ ':status': 200, 'set-cookie': ['a=1; HttpOnly', 'b=2'], 'content-length': 2, 'cache-control': 'no-store' });
    stream.end('ok');
  } else if (path === '/headers') {
    // More than a frame holds: a HEADERS frame and CONTINUATION frames.
    const many = { ':status': 200 };
    for (let at = 0; at < 6; at += 1) many[`x-long-${at}`] = `${at}~\u007f^`.repeat(900);
    stream.respond(many);
    stream.end();
  } else if (path === '/refuse') {
    stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
  } else if (path === '/ping') {
    stream.session.ping(Buffer.from('12345678'), () => { stream.respond({ ':status': 204 }); stream.end(); });
  } else if (path === '/goaway') {
    stream.session.goaway(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM, stream.id, Buffer.from('calm down'));
    stream.respond({ ':status': 503 });
    stream.end();
  } else {
    let bytes = 0;
    stream.on('data', (data) => { bytes += data.length; });
    stream.on('end', () => {
      stream.respond({ ':status': path === '/missing' ? 404 : 200, 'content-type': 'application/json', date: 'Sat, 01 Jan 2000 00:00:00 GMT' });
      stream.end(JSON.stringify({ method: headers[':method'], bytes }) + '\n');
    });
  }
});
server.on('sessionError', () => {});
server.listen(8080, '10.9.0.2');
