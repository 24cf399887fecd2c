// usage: node server.mjs [gzip]: serves the echo service on a free port and prints it
import { Echo, grpc, gzip } from "./echo.mjs";

const options = { "grpc.max_receive_message_length": 4 * 1024 * 1024 };
if (process.argv[2] === "gzip") options["grpc.default_compression_algorithm"] = gzip;
const server = new grpc.Server(options);
const failure = text => {
  const [, code, details] = /^fail:(\d+):([\s\S]*)$/.exec(text) ?? [];
  return code && { code: Number(code), details };
};
server.addService(Echo.service, {
  Unary(call, done) {
    const text = call.request.value;
    if (failure(text)) done(failure(text));
    else if (text.startsWith("sleep:")) setTimeout(() => done(null, { value: text }), Number(text.slice(6)));
    else if (text.startsWith("meta:")) done(null, { value: `${call.metadata.get(text.slice(5))[0] ?? ""}` });
    else done(null, { value: text });
  },
  Chat(call) {
    call.on("data", ({ value }) => {
      if (failure(value)) call.emit("error", failure(value));
      else if (value.startsWith("push:")) for (let i = 1; i <= Number(value.slice(5)); i++) call.write({ value: `${i}` });
      else call.write({ value });
    });
    call.on("end", () => call.end());
    call.on("error", () => { });
  },
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
