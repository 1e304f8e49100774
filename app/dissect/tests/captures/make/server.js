// Node's own HTTP server, asked for every way of ending a body.
const http = require('http'), zlib = require('zlib');
const text = { 'Content-Type': 'text/plain; charset=utf-8' };
http.createServer((request, response) => {
  const path = new URL(request.url, 'http://x').pathname;
  if (path === '/chunked') {
    response.setHeader('Trailer', 'X-Checksum, X-Count');
    response.write('第一块\n');
    setTimeout(() => {
      response.write('second chunk, a little longer than the first\n');
      response.addTrailers({ 'X-Checksum': 'abc123', 'X-Count': '3' });
      response.end('end\n');
    }, 30);
  } else if (path === '/gzip') {
    response.writeHead(200, { ...text, 'Content-Encoding': 'gzip' });
    response.end(zlib.gzipSync('你好，'.repeat(50)));
  } else if (path === '/gzip-length') {
    const body = zlib.gzipSync('你好，'.repeat(50));
    response.writeHead(200, { ...text, 'Content-Encoding': 'gzip', 'Content-Length': body.length });
    response.end(body);
  } else if (path === '/early') {
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
    setTimeout(() => { response.setHeader('Content-Type', 'text/html'); response.end('<p>hi</p>'); }, 30);
  } else if (path === '/close') {
    response.shouldKeepAlive = false;
    response.useChunkedEncodingByDefault = false;
    response.writeHead(200, { ...text, Connection: 'close' });
    response.write('until ');
    setTimeout(() => response.end('the end'), 30);
  } else if (path === '/none') {
    response.writeHead(204).end();
  } else if (path === '/go') {
    response.writeHead(302, { Location: '/json', 'Set-Cookie': ['a=1; HttpOnly', 'b=2; Path=/'], 'Content-Length': 0 });
    response.end();
  } else if (path === '/secret') {
    response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="door"', 'Content-Length': 0 }).end();
  } else if (path === '/proxy') {
    response.writeHead(407, { 'Proxy-Authenticate': 'Basic realm="gate"', 'Content-Length': 0 }).end();
  } else if (path === '/part') {
    response.writeHead(206, { 'Content-Range': 'bytes 0-4/9', 'Content-Length': 5, 'Last-Modified': new Date(0).toUTCString() });
    response.end('01234');
  } else if (path === '/json') {
    response.writeHead(200, { 'Content-Type': 'application/json', ETag: '"v1"', 'Cache-Control': 'no-store' });
    response.end('{"ok":true}');
  } else {
    let bytes = 0;
    request.on('data', (data) => { bytes += data.length; });
    request.on('end', () => {
      response.setHeader('Content-Type', 'application/json');
      response.statusCode = path === '/made' ? 201 : 200;
      response.end(JSON.stringify({ method: request.method, bytes }) + '\n');
    });
  }
}).listen(8080, '10.9.0.2');
