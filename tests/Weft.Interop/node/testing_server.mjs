// usage: node testing_server.mjs [PORT]: serves testing.proto, prints its port, ends with its standard input
import { Observer, TestService, grpc, options } from "./testing.mjs";

const initial = "x-grpc-test-echo-initial", trailing = "x-grpc-test-echo-trailing-bin";
const cancelled = new Set();
const payload = size => ({ body: Buffer.alloc(size) });
const failure = ({ response_status: status }) => status?.code ? { code: status.code, details: status.message } : null;
const badFlag = ({ expect_compressed: expected, compressed }) =>
  expected && expected.value !== compressed ? { code: grpc.status.INVALID_ARGUMENT, details: `compressed: ${compressed}` } : null;

/** Echoes metadata and watches for the client's cancellation; the trailing metadata. */
function begin(call, compresses = false) {
  const head = new grpc.Metadata(), tail = new grpc.Metadata();
  const [first] = call.metadata.get(initial), [last] = call.metadata.get(trailing), [id] = call.metadata.get("x-call-id");
  if (first) head.set(initial, first);
  if (last) tail.set(trailing, last);
  if (compresses) head.set("grpc-encoding", "gzip");
  if (first || compresses) call.sendMetadata(head);
  if (id) call.on("cancelled", () => cancelled.add(`${id}`));
  return tail;
}

const write = (call, request) => {
  for (const { size, compressed } of request.response_parameters) call.write({ payload: payload(size), compress: compressed?.value });
};

const server = new grpc.Server(options);
server.addService(TestService.service, {
  EmptyCall: (call, done) => done(null, {}),
  UnaryCall(call, done) {
    const compress = call.request.response_compressed?.value;
    const tail = begin(call, compress);
    const error = badFlag(call.request) ?? failure(call.request);
    done(error, { payload: payload(call.request.response_size), compress }, tail);
  },
  StreamingInputCall(call, done) {
    const tail = begin(call);
    let size = 0, error = null;
    call.on("data", request => {
      error ??= badFlag(request);
      size += request.payload?.body.length ?? 0;
    });
    call.on("end", () => done(error, { aggregated_payload_size: size }, tail));
    call.on("error", () => { });
  },
  StreamingOutputCall(call) {
    const tail = begin(call, call.request.response_parameters.some(parameters => parameters.compressed?.value));
    write(call, call.request);
    call.end(tail);
  },
  FullDuplexCall(call) {
    const tail = begin(call);
    call.on("data", request => failure(request) ? call.emit("error", failure(request)) : write(call, request));
    call.on("end", () => call.end(tail));
    call.on("error", () => { });
  },
  UnimplementedCall: (call, done) => done({ code: grpc.status.UNIMPLEMENTED, details: "as the case asks" }),
});
server.addService(Observer.service, {
  async WaitCancelled(call, done) {
    const id = call.request.payload.body.toString();
    for (let i = 0; i < 100 && !cancelled.has(id); i++) await new Promise(resolve => setTimeout(resolve, 10));
    done(null, { value: cancelled.has(id) });
  },
  TimeLeft(call, done) {
    const deadline = call.getDeadline();
    done(null, { aggregated_payload_size: deadline === Infinity ? 0 : Math.max(1, Math.round(deadline - Date.now())) });
  },
  Die(call) {
    let messages = 0;
    call.on("data", () => ++messages === 1 ? call.write({}) : process.exit(1));
    call.on("error", () => { });
  },
});
server.bindAsync(`127.0.0.1:${process.argv[2] ?? 0}`, grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
