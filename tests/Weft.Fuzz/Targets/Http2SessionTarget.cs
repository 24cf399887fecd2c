using Weft.Fuzz.Http2;
using Weft.Proxy.Buffers;
using Weft.Proxy.Http2;
using Weft.Proxy.Http2.Hpack;
using Weft.Proxy.Pipelines;

namespace Weft.Fuzz.Targets;

/// <summary>
/// A connection's frames against a session in one role: it never throws, tells streams the same however the bytes were cut, writes nothing but frames that an independent
/// reading takes, ends with GOAWAY when it fails, and keeps nothing rented once it is over.
/// </summary>
/// <remarks>The input is a program: a type, flags, a stream and a length octet, then as many octets of payload, so that mutations meet frames and not their framing. After an
/// octet 0xff in a type's place the rest is sent as it is.</remarks>
/// <param name="isServer">The role of the session; the input plays the other.</param>
public sealed class Http2SessionTarget(bool isServer) : IFuzzTarget
{
    private static readonly byte[] Request = RawHpack.Block([(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("x-a", "b")]);

    private static readonly byte[] Response = [0x88, .. RawHpack.Literal("x-a", "b")];

    public string Name => isServer ? "http2-server" : "http2-client";

    public IReadOnlyList<byte[]> Seeds { get; } = isServer
        ? [
            Program(RawFrame.Headers(1, Request), RawFrame.Headers(3, Request, end: false), RawFrame.Data(3, "hello"), RawFrame.Data(3, "!", end: true)),
            Program(RawFrame.Headers(1, Request[..9], endHeaders: false), RawFrame.Continuation(1, Request[9..]), RawFrame.WindowUpdate(0, 100), RawFrame.WindowUpdate(1, 100), RawFrame.Reset(1)),
            Program(RawFrame.Headers(5, Request, end: false), RawFrame.Data(5, "abc").Pad(9), RawFrame.Headers(5, RawHpack.Literal("x-t", "1")), RawFrame.Ping(1), RawFrame.Settings((4, 3), (1, 0), (1, 4096)), RawFrame.Headers(7, Request)),
            Program(RawFrame.Settings((4, 0)), RawFrame.Headers(1, Request).Prioritize(3, 5), RawFrame.Headers(3, Request, end: false), RawFrame.Settings((4, 10)), RawFrame.Priority(1), RawFrame.GoAway(0, RawCode.NoError), RawFrame.Data(3, "", end: true)),
        ]
        : [
            Program(RawFrame.Headers(1, Response, end: false), RawFrame.Data(1, "hello", end: true), RawFrame.Headers(3, [0x08, 3, .. "103"u8], end: false), RawFrame.Headers(3, Response)),
            Program(RawFrame.Headers(3, Response, end: false), RawFrame.Data(3, "abc").Pad(9), RawFrame.Headers(3, RawHpack.Literal("x-t", "1")), RawFrame.Reset(1, RawCode.RefusedStream), RawFrame.GoAway(3, RawCode.NoError)),
            Program(RawFrame.Settings((4, 1), (3, 1)), RawFrame.Ping(7), RawFrame.WindowUpdate(1, 50), RawFrame.Headers(1, Response[..1], endHeaders: false), RawFrame.Continuation(1, Response[1..]), RawFrame.Headers(5, Response)),
        ];

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        Program(RawFrame.Headers(1, Request)), Program(RawFrame.Headers(9, Request, end: false)), Program(RawFrame.Headers(1, Response, end: false)), Program(RawFrame.Headers(3, Response)), Program(RawFrame.Data(1, "x")), Program(RawFrame.Data(3, "", end: true)),
        Program(RawFrame.Reset(1)), Program(RawFrame.WindowUpdate(0, 0)), Program(RawFrame.WindowUpdate(1, int.MaxValue)), Program(RawFrame.WindowUpdate(3, 1)), Program(RawFrame.Settings((4, 0))), Program(RawFrame.Settings((4, int.MaxValue))),
        Program(RawFrame.Settings((1, 0))), Program(RawFrame.Settings((3, 0))), Program(RawFrame.SettingsAck), Program(RawFrame.Ping(1)), Program(RawFrame.GoAway(1, RawCode.NoError)), Program(RawFrame.Priority(3)), Program(RawFrame.Continuation(1, [])),
        [0], [1, 4], [1, 5, 1], [9, 4, 1], [0xff], [0x40], [0xbe], [0x20],
    ];

    public string Check(byte[] input, Random random)
    {
        byte[] bytes = [.. isServer ? RawFrame.Preface : default, .. RawFrame.Settings().ToBytes(), .. Frames(input)];
        var whole = new Run(isServer, bytes, [bytes.Length]);
        var cuts = Cuts.Choose(bytes.Length, random);
        var pieces = new Run(isServer, bytes, [.. cuts, bytes.Length]);
        if (whole.Told != pieces.Told) throw new FuzzException($"cut at {string.Join(',', cuts)} streams hear\n{pieces.Told}\nwhole they hear\n{whole.Told}");
        return whole.Outcome;
    }

    /// <summary>The bytes that a program means.</summary>
    private static byte[] Frames(byte[] program)
    {
        var bytes = new List<byte>();
        for (var at = 0; at + 4 <= program.Length;)
        {
            if (program[at] == 0xff) return [.. bytes, .. program[(at + 1)..]];
            var length = Math.Min(program[at + 3], program.Length - at - 4);
            bytes.AddRange(new RawFrame((RawType)program[at], program[at + 1], program[at + 2], program[(at + 4)..(at + 4 + length)]).ToBytes());
            at += 4 + length;
        }
        return [.. bytes];
    }

    private static byte[] Program(params RawFrame[] frames) => [.. frames.SelectMany(f => (byte[])[(byte)f.Type, f.Flags, (byte)f.Stream, (byte)f.Payload.Length, .. f.Payload])];

    /// <summary>One connection from its first byte to its end.</summary>
    private sealed class Run : IHttp2SessionEvents
    {
        private readonly BufferPool _buffers = new(new BufferSettings { MaxIdleBytes = 0 });
        private readonly List<FuzzStream> _streams = [];
        private readonly RecordingChannel _channel = new();
        private readonly Http2Session _session;

        public Run(bool isServer, byte[] bytes, int[] ends)
        {
            _session = new Http2Session(isServer ? Http2Role.Server : Http2Role.Client, Http2Settings.Default with { FaultBurst = 20 }, this, _buffers);
            _session.Start();
            for (var i = 0; !isServer && i < 4; i++) Ask(i);
            var start = 0;
            foreach (var end in ends)
            {
                start += _session.Receive(bytes.AsSpan(start, end - start), nowMs: 1);
                _session.EndReceive();
                _session.Output.Flush(_channel);
                _session.OnOutputDrained();
                _session.Output.Flush(_channel);
                if (_buffers.Rented > 2 + (3 * (_streams.Count + 1))) throw new FuzzException($"{_buffers.Rented} buffers are rented for {_streams.Count} streams");
            }
            Told = $"{string.Join('\n', _streams)}\n{_session.FailureCode} {_session.FailureText}";
            Outcome = _session.IsFailed ? _session.FailureText : $"{Math.Min(_streams.Count, 3)} streams, {string.Join('/', _streams.Select(s => s.End).Distinct().Order().Take(2))}";
            CheckOutput();
            _session.AbortAll("the end");
            if (_buffers.Rented != 0) throw new FuzzException($"{_buffers.Rented} buffers stay rented");
            if (_streams.Exists(s => s.Stream.IsOpen)) throw new FuzzException("a stream is open after the end");
        }

        /// <summary>Everything that streams heard, and how the connection fared.</summary>
        public string Told { get; }

        public string Outcome { get; }

        public Http2Stream? Accept()
        {
            _streams.Add(new FuzzStream(_streams.Count, isServer: true));
            return _streams[^1].Stream;
        }

        public void OnGoAway(Http2ErrorCode code) { }

        public void OnPong(ulong opaque) { }

        public void OnCapacity() { }

        public void OnOutput() { }

        public void OnOutputFull() { }

        private void Ask(int number)
        {
            if (!_session.CanOpen) return;
            var stream = new FuzzStream(number, isServer: false);
            _streams.Add(stream);
            _session.Open(stream.Stream);
            stream.Ask();
        }

        private void CheckOutput()
        {
            var output = _channel.Written.ToArray().AsSpan();
            var decoder = new RawHpackDecoder();
            if (output.StartsWith(RawFrame.Preface)) output = output[RawFrame.Preface.Length..];
            var (block, last) = (new List<byte>(), default(RawFrame));
            while (output.Length > 0)
            {
                var frame = RawFrame.Read(output) ?? throw new FuzzException("half a frame was written");
                output = output[(9 + frame.Payload.Length)..];
                if (last is null && frame.Type != RawType.Settings) throw new FuzzException($"the first frame is {frame}");
                last = frame;
                if (frame.Payload.Length > 16384) throw new FuzzException($"too long: {frame}");
                if (frame.Type == RawType.Data && frame.Stream == 0 || frame.Type == RawType.WindowUpdate && frame.WordAt(0) == 0) throw new FuzzException($"malformed: {frame}");
                if (frame.Type is not (RawType.Headers or RawType.Continuation)) continue;
                block.AddRange(frame.Payload);
                if (!frame.Has(RawFrame.EndHeaders)) continue;
                try
                {
                    decoder.Decode([.. block]);
                }
                catch (FormatException e)
                {
                    throw new FuzzException($"a block is written that cannot be decoded: {e.Message}");
                }
                block.Clear();
            }
            if (_session.IsFailed && last?.Type != RawType.GoAway) throw new FuzzException($"the session failed and its last word is {last}");
        }
    }
}
