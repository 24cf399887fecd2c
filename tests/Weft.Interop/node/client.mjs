// usage: node client.mjs ADDRESS [gzip]: runs the cases and prints each as one JSON line {name, code, details, value}
import { Echo, grpc, gzip } from "./echo.mjs";

const [address, encoding] = process.argv.slice(2);
const options = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
if (encoding === "gzip") options["grpc.default_compression_algorithm"] = gzip;
const client = new Echo(address, grpc.credentials.createInsecure(), options);
const print = (name, result) => console.log(JSON.stringify({ name, ...result }));

const unary = (value, { metadata = new grpc.Metadata(), ...call } = {}) =>
  new Promise(done => client.Unary({ value }, metadata, call, (error, answer) =>
    done(error ? { code: error.code, details: error.details, value: "" } : { code: 0, details: "", value: answer.value })));

const chat = (talk, options = {}) => new Promise(done => {
  const values = [];
  const call = client.Chat(options);
  call.on("data", message => { values.push(message.value); talk.heard?.(call, values); });
  call.on("error", () => { });
  call.on("status", status => done({ code: status.code, details: status.details, value: `${values.length}:${values.at(-1) ?? ""}` }));
  talk.begin(call);
});

print("hello", await unary("hello wörld"));
print("empty", await unary(""));
print("status", await unary("fail:7:nö: 100%\nno"));
print("deadline", await unary("sleep:20000", { deadline: Date.now() + 300 }));
const metadata = new grpc.Metadata();
metadata.set("authorization", "Bearer t");
print("metadata", await unary("meta:authorization", { metadata }));
const large = await unary("x".repeat(3_000_000));
print("large", { ...large, value: `${large.value.length}` });
print("too large", await unary("x".repeat(5_000_000)));
print("unknown method", await new Promise(done =>
  client.makeUnaryRequest("/weft.test.Echo/Nothing", x => x, x => x, Buffer.alloc(0), error => done({ code: error.code, details: error.details, value: "" }))));

print("talk", await chat({
  begin: call => call.write({ value: "1" }),
  heard: (call, values) => values.length < 100 ? call.write({ value: `${values.length + 1}` }) : call.end(),
}));
print("push", await chat({ begin: call => { call.write({ value: "push:5000" }); call.end(); } }));
print("late status", await chat({ begin: call => { call.write({ value: "one" }); call.write({ value: "fail:9:not now" }); } }));
print("cancel", await chat({ begin: call => call.write({ value: "one" }), heard: call => call.cancel() }));
client.close();
