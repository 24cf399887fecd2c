using Weft.Fuzz.Http2;

namespace Weft.Proxy.Tests.Http2.Wire;

/// <summary>What RFC 9113 demands of a sender, checked on every frame that the product sends, in every test that uses <see cref="Http2Peer"/>.</summary>
internal sealed class PeerRules(bool peerIsServer, List<string> violations)
{
    private static readonly string[] ConnectionSpecific = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

    private readonly Dictionary<int, long> _windows = [];
    private readonly HashSet<int> _ended = [];
    private readonly HashSet<int> _reset = [];
    private long _connectionWindow = 65535;
    private long _initialWindow = 65535;
    private int _maxFrame = 16384;
    private bool _first = true;
    private int _openBlock;
    private int _lastGoAway = int.MaxValue;

    /// <summary>We have sent a setting and the peer has acknowledged it.</summary>
    public void Announced(ushort id, uint value)
    {
        if (id == 5) _maxFrame = (int)value;
        if (id != 4) return;
        foreach (var stream in _windows.Keys) _windows[stream] += value - _initialWindow;
        _initialWindow = value;
    }

    /// <summary>We have given the peer credit.</summary>
    public void Credited(int stream, long octets)
    {
        if (stream == 0) _connectionWindow += octets;
        else _windows[stream] = Window(stream) + octets;
    }

    public void Check(RawFrame frame)
    {
        Require(!_first || frame.Type == RawType.Settings && !frame.Has(RawFrame.Ack), "3.4: the first frame is not SETTINGS", frame);
        _first = false;
        Require(!frame.Reserved, "4.1: the reserved bit is set", frame);
        Require(frame.Payload.Length <= _maxFrame, "4.2: a frame is larger than we allow", frame);
        Require(_openBlock == 0 || frame.Type == RawType.Continuation && frame.Stream == _openBlock, "4.3: a field block is interrupted", frame);
        Require(frame.Type != RawType.Continuation || _openBlock != 0, "6.10: CONTINUATION continues nothing", frame);
        var ofConnection = frame.Type is RawType.Settings or RawType.Ping or RawType.GoAway;
        Require(frame.Type == RawType.WindowUpdate || ofConnection == (frame.Stream == 0), "6: a frame on the wrong kind of stream", frame);
        Require(frame.Type is not RawType.PushPromise || !peerIsServer, "8.4: a push", frame);
        Require(frame.Type is RawType.Priority || !_reset.Contains(frame.Stream) || frame.Stream == 0, "5.1: a frame on a stream that its sender has reset", frame);
        Require(frame.Type is not (RawType.Data or RawType.Headers or RawType.Continuation) || _openBlock == frame.Stream || !_ended.Contains(frame.Stream), "5.1: a frame behind END_STREAM", frame);
        Require(frame.Stream == 0 || frame.Stream % 2 == 1, "5.1.1: a stream that its opener may not use", frame);
        CheckLength(frame);
        Account(frame);
    }

    /// <param name="stream">With <paramref name="fields"/> as the last of its heads.</param>
    public void CheckFields(int id, List<(string Name, string Value)> fields, PeerStream stream, bool weAreClient)
    {
        var earlier = stream.Heads.SkipLast(1).ToList();
        var isTrailer = weAreClient ? earlier.Exists(h => !h[0].Value.StartsWith('1')) : earlier.Count > 0;
        var pseudo = fields.TakeWhile(f => f.Name.StartsWith(':')).ToList();
        void Field(bool holds, string rule)
        {
            if (!holds) violations.Add($"{rule}: stream {id}: {string.Join("; ", fields)}");
        }
        Field(fields.Skip(pseudo.Count).All(f => !f.Name.StartsWith(':')), "8.3: a pseudo-header field behind a field");
        Field(fields.All(f => f.Name.Length > 0 && f.Name.All(c => c is > ' ' and < (char)127 and not (>= 'A' and <= 'Z'))), "8.2.1: a field name");
        Field(fields.All(f => !f.Value.AsSpan().ContainsAny("\r\n\0")), "8.2.1: a field value");
        Field(fields.All(f => f.Value.Trim(' ', '\t') == f.Value), "8.2.1: white space around a field value");
        Field(fields.All(f => !ConnectionSpecific.Contains(f.Name)), "8.2.2: a connection-specific field");
        Field(fields.All(f => f.Name != "te" || f.Value == "trailers"), "8.2.2: te");
        if (isTrailer)
        {
            Field(pseudo.Count == 0, "8.1: a pseudo-header field in trailers");
            Field(stream.EndsWithHead, "8.1: trailers without END_STREAM");
        }
        else if (weAreClient)
        {
            Field(pseudo is [{ Name: ":status" }] && pseudo[0].Value is ['1' or '2' or '3' or '4' or '5', >= '0' and <= '9', >= '0' and <= '9'], "8.3.2: not exactly one :status");
            Field(pseudo is not [{ Value: "101" }], "8.6: 101");
            Field(!pseudo[0].Value.StartsWith('1') || !stream.EndsWithHead, "8.1: an interim response ends the stream");
        }
        else
        {
            var isConnect = pseudo.Contains((":method", "CONNECT"));
            foreach (var name in new[] { ":method", ":scheme", ":path" })
                Field(pseudo.Count(p => p.Name == name && p.Value.Length > 0) == (isConnect && name != ":method" && !pseudo.Exists(p => p.Name == ":protocol") ? 0 : 1), $"8.3.1: {name}");
            Field(pseudo.Select(p => p.Name).Distinct().Count() == pseudo.Count, "8.3: a repeated pseudo-header field");
        }
    }

    private void CheckLength(RawFrame frame)
    {
        var length = frame.Payload.Length;
        Require(frame.Type != RawType.Settings || (frame.Has(RawFrame.Ack) ? length == 0 : length % 6 == 0), "6.5: the length of SETTINGS", frame);
        Require(frame.Type != RawType.Ping || length == 8, "6.7: the length of PING", frame);
        Require(frame.Type != RawType.RstStream || length == 4, "6.4: the length of RST_STREAM", frame);
        Require(frame.Type != RawType.WindowUpdate || length == 4 && (frame.WordAt(0) & 0x7fff_ffff) != 0, "6.9: WINDOW_UPDATE", frame);
        Require(frame.Type != RawType.GoAway || length >= 8, "6.8: the length of GOAWAY", frame);
        if (frame.Type == RawType.GoAway && length >= 8)
        {
            Require((int)frame.WordAt(0) <= _lastGoAway, "6.8: a last stream above an earlier GOAWAY's", frame);
            _lastGoAway = (int)frame.WordAt(0);
        }
    }

    private void Account(RawFrame frame)
    {
        if (frame.Type is RawType.Headers or RawType.Continuation) _openBlock = frame.Has(RawFrame.EndHeaders) ? 0 : frame.Stream;
        if (frame.Type is RawType.Headers or RawType.Data && frame.Has(RawFrame.EndStream)) _ended.Add(frame.Stream);
        if (frame.Type == RawType.RstStream) _reset.Add(frame.Stream);
        if (frame.Type != RawType.Data) return;
        _connectionWindow -= frame.Payload.Length;
        _windows[frame.Stream] = Window(frame.Stream) - frame.Payload.Length;
        Require(frame.Payload.Length == 0 || _windows[frame.Stream] >= 0, "6.9.1: more DATA than the stream's window", frame);
        Require(frame.Payload.Length == 0 || _connectionWindow >= 0, "6.9.1: more DATA than the connection's window", frame);
    }

    private long Window(int stream) => _windows.TryGetValue(stream, out var window) ? window : _initialWindow;

    private void Require(bool holds, string rule, RawFrame frame)
    {
        if (!holds) violations.Add($"{rule}: {frame}");
    }
}
