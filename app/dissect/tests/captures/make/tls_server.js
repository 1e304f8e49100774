// TLS 1.3 by node: HTTP/2 and HTTP/1.1 on 8443.
const http2 = require("node:http2"), fs = require("node:fs");
http2.createSecureServer({ allowHTTP1: true, key: fs.readFileSync(process.argv[2]), cert: fs.readFileSync(process.argv[3]), minVersion: "TLSv1.3" },
  (request, response) => { request.resume(); request.on("end", () => { response.setHeader("x-path", request.url); response.end("z".repeat(request.url === "/long" ? 40000 : 12)); }); },
).listen(8443, "10.9.0.2");
