// usage: node testing_client.mjs TARGET CASE[=COUNT]...: runs cases of gRPC's interoperability tests, in order, and prints each as one JSON line
// {case, ok, detail}. status=/SERVICE/METHOD calls a method and prints how that ended instead: {code, details}.
import { deepStrictEqual as equal, ok } from "node:assert";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { Observer, TestService, UnimplementedService, grpc, options } from "./testing.mjs";

const [target, ...cases] = process.argv.slice(2);
const insecure = grpc.credentials.createInsecure();
const connect = (Service, more = {}) => new Service(target, insecure, { ...options, ...more });
const client = connect(TestService), observer = connect(Observer);
// A new channel each time: one that has heard from a server which takes messages as they come, and so offers no compression, would stop.
const packing = () => connect(TestService, { "grpc.default_compression_algorithm": 2, "grpc.use_local_subchannel_pool": 1 });
const noCompress = 2; // grpc-js writes a stream's message as it is when told this flag
const initial = "x-grpc-test-echo-initial", trailing = "x-grpc-test-echo-trailing-bin";
const largeRequest = 271828, largeResponse = 314159;

const zeros = size => ({ body: Buffer.alloc(size) });
const large = (more = {}) => ({ response_size: largeResponse, payload: zeros(largeRequest), ...more });
const metadataOf = entries => {
  const metadata = new grpc.Metadata();
  for (const [name, value] of entries) metadata.set(name, value);
  return metadata;
};
const unary = (service, method, request, { metadata = new grpc.Metadata(), ...call } = {}) => new Promise((resolve, reject) =>
  service[method](request, metadata, call, (error, response) => error ? reject(error) : resolve(response)));
const failure = async promise => {
  try {
    await promise;
    return { code: 0, details: "" };
  } catch (error) {
    if (error.code === undefined) throw error;
    return { code: error.code, details: error.details };
  }
};

/** A call whose responses are read one at a time and whose end is a status. */
function open(call) {
  const responses = call[Symbol.asyncIterator]();
  const status = new Promise(resolve => call.on("status", resolve));
  return {
    call, status,
    next: async () => (await responses.next()).value,
    rest: async () => {
      const all = [];
      for await (const response of call) all.push(response);
      return all;
    },
    failed: async () => {
      call.on("error", () => { });
      call.resume?.();
      const { code, details } = await status;
      return { code, details };
    },
  };
}

const streamingInput = (service, requests, metadata = new grpc.Metadata()) => new Promise((resolve, reject) => {
  const call = service.StreamingInputCall(metadata, (error, response) => error ? reject(error) : resolve(response));
  call.on("error", () => { });
  for (const [request, flags] of requests) call.write(request, flags);
  call.end();
});

const expectCancelledAtTheServer = async id =>
  ok((await unary(observer, "WaitCancelled", { payload: { body: Buffer.from(id) } })).value, "the server saw no cancellation within a second");

const run = {
  async empty_unary() {
    equal({ ...await unary(client, "EmptyCall", {}), compressed: undefined }, { compressed: undefined });
  },
  async large_unary(service = client) {
    equal((await unary(service, "UnaryCall", large())).payload.body.length, largeResponse);
  },
  async client_compressed_unary() {
    equal((await failure(unary(client, "UnaryCall", large({ expect_compressed: { value: true } })))).code, grpc.status.INVALID_ARGUMENT, "an uncompressed probe");
    for (const [service, value] of [[packing(), true], [client, false]])
      equal((await unary(service, "UnaryCall", large({ expect_compressed: { value } }))).payload.body.length, largeResponse);
  },
  async server_compressed_unary() {
    for (const value of [true, false]) {
      const response = await unary(client, "UnaryCall", large({ response_compressed: { value } }));
      equal([response.compressed, response.payload.body.length], [value, largeResponse]);
    }
  },
  async client_streaming() {
    const response = await streamingInput(client, [27182, 8, 1828, 45904].map(size => [{ payload: zeros(size) }]));
    equal(response.aggregated_payload_size, 74922);
  },
  async client_compressed_streaming() {
    const requests = [
      [{ payload: zeros(27182), expect_compressed: { value: true } }],
      [{ payload: { body: randomBytes(45904) }, expect_compressed: { value: false } }, noCompress],
    ];
    equal((await failure(streamingInput(client, requests))).code, grpc.status.INVALID_ARGUMENT, "an uncompressed probe");
    equal((await streamingInput(packing(), requests)).aggregated_payload_size, 73086);
  },
  async server_streaming() {
    const sizes = [31415, 9, 2653, 58979];
    const call = open(client.StreamingOutputCall({ response_parameters: sizes.map(size => ({ size })) }));
    equal((await call.rest()).map(response => response.payload.body.length), sizes);
    equal((await call.status).code, 0);
  },
  async server_compressed_streaming() {
    const parameters = [{ size: 31415, compressed: { value: true } }, { size: 92653, compressed: { value: false } }];
    const call = open(client.StreamingOutputCall({ response_parameters: parameters }));
    equal((await call.rest()).map(response => [response.payload.body.length, response.compressed]), [[31415, true], [92653, false]]);
  },
  async ping_pong() {
    const talk = open(client.FullDuplexCall());
    for (const [size, requestSize] of [[31415, 27182], [9, 8], [2653, 1828], [58979, 45904]]) {
      talk.call.write({ response_parameters: [{ size }], payload: zeros(requestSize) });
      equal((await talk.next()).payload.body.length, size);
    }
    talk.call.end();
    equal(await talk.next(), undefined);
    equal((await talk.status).code, 0);
  },
  async empty_stream() {
    const talk = open(client.FullDuplexCall());
    talk.call.end();
    equal(await talk.rest(), []);
    equal((await talk.status).code, 0);
  },
  async custom_metadata() {
    const sent = metadataOf([[initial, "test_initial_metadata_value"], [trailing, Buffer.from("ababab", "hex")]]);
    const check = async (call, status) => {
      equal((await call)[0].get(initial), ["test_initial_metadata_value"]);
      equal((await status)[0].metadata.get(trailing), [Buffer.from("ababab", "hex")]);
    };
    const single = client.UnaryCall({ response_size: 1, payload: zeros(1) }, sent, () => { });
    await check(once(single, "metadata"), once(single, "status"));
    const talk = client.FullDuplexCall(sent);
    talk.resume();
    talk.write({ response_parameters: [{ size: 1 }] });
    talk.end();
    await check(once(talk, "metadata"), once(talk, "status"));
  },
  async status_code_and_message() {
    const expected = { code: 2, details: "test status message" };
    const response_status = { code: 2, message: "test status message" };
    equal(await failure(unary(client, "UnaryCall", { response_status })), expected);
    const talk = open(client.FullDuplexCall());
    talk.call.write({ response_status });
    talk.call.end();
    equal(await talk.failed(), expected);
  },
  async special_status_message() {
    const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    equal(await failure(unary(client, "UnaryCall", { response_status: { code: 2, message } })), { code: 2, details: message });
  },
  async unimplemented_method() {
    equal((await failure(unary(client, "UnimplementedCall", {}))).code, grpc.status.UNIMPLEMENTED);
  },
  async unimplemented_service() {
    const other = connect(UnimplementedService);
    equal((await failure(unary(other, "UnimplementedCall", {}))).code, grpc.status.UNIMPLEMENTED);
    other.close();
  },
  async cancel_after_begin() {
    const id = randomUUID();
    const ended = new Promise(resolve => {
      const call = client.StreamingInputCall(metadataOf([["x-call-id", id]]), resolve);
      setTimeout(() => call.cancel(), 100); // the library gives no sign that the head has left
    });
    equal((await ended).code, grpc.status.CANCELLED);
    await expectCancelledAtTheServer(id);
  },
  async cancel_after_first_response() {
    const id = randomUUID();
    const talk = open(client.FullDuplexCall(metadataOf([["x-call-id", id]])));
    talk.call.write({ response_parameters: [{ size: 31415 }], payload: zeros(27182) });
    equal((await talk.next()).payload.body.length, 31415);
    talk.call.on("error", () => { });
    talk.call.cancel();
    equal((await talk.status).code, grpc.status.CANCELLED);
    await expectCancelledAtTheServer(id);
  },
  async timeout_on_sleeping_server() {
    const talk = open(client.FullDuplexCall({ deadline: Date.now() + 1 }));
    talk.call.write({ payload: zeros(27182) });
    equal((await talk.failed()).code, grpc.status.DEADLINE_EXCEEDED);
    // A longer one, answered by the server: what it was told may be less, and never more.
    const told = (await unary(observer, "TimeLeft", {}, { deadline: Date.now() + 30_000 })).aggregated_payload_size;
    ok(told >= 1 && told <= 30_300, `the server was told of ${told} ms`);
    equal((await unary(observer, "TimeLeft", {})).aggregated_payload_size, 0);
  },
  async rpc_soak(count = 1000) {
    for (let i = 0; i < count; i++) await run.large_unary();
  },
  async channel_soak(count = 100) {
    for (let i = 0; i < count; i++) {
      const own = connect(TestService, { "grpc.use_local_subchannel_pool": 1 });
      await run.large_unary(own);
      own.close();
    }
  },
  async concurrent_large_unary(count = 1000) {
    await Promise.all(Array.from({ length: count }, () => run.large_unary()));
  },
  /** All are open at once on one connection, each has had an answer and waits for the next. */
  async concurrent_streams(count = 1000) {
    const talks = Array.from({ length: count }, () => open(client.FullDuplexCall()));
    for (const size of [17, 1700]) {
      for (const talk of talks) talk.call.write({ response_parameters: [{ size }] });
      for (const talk of talks) equal((await talk.next()).payload.body.length, size);
    }
    for (const talk of talks) talk.call.end();
    for (const talk of talks) equal(await talk.next(), undefined);
  },
  async server_dies() {
    const talk = open(observer.Die());
    talk.call.write({});
    equal({ ...await talk.next(), compressed: undefined }, { compressed: undefined });
    talk.call.write({});
    const { code } = await talk.failed();
    ok([grpc.status.UNAVAILABLE, grpc.status.INTERNAL, grpc.status.UNKNOWN, grpc.status.CANCELLED].includes(code), `${code}`);
  },
};

const show = result => console.log(JSON.stringify(result));
for (const argument of cases) {
  const [name, value] = argument.split("=");
  if (name === "status") {
    const call = new Promise((resolve, reject) =>
      client.makeUnaryRequest(value, x => x, x => x, Buffer.from([0x1a, 0x04, 0x12, 0x02, 0, 0]), error => error ? reject(error) : resolve()));
    show(await failure(call));
    continue;
  }
  const started = performance.now();
  try {
    await run[name](...value ? [Number(value)] : []);
    show({ case: name, ok: true, detail: `${((performance.now() - started) / 1000).toFixed(2)} s` });
  } catch (error) {
    show({ case: name, ok: false, detail: error.code === undefined ? `${error.message}` : `${error.code}: ${error.details ?? error.message}` });
  }
}
process.exit(0);
