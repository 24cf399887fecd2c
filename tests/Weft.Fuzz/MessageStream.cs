using System.Text;
using Weft.Proxy.Http1;
using Weft.Routing.Requests;

namespace Weft.Fuzz;

/// <summary>One message as a peer behind the codec would understand it, in plain values so that two readings can be compared.</summary>
public sealed record ReadMessage(
    string Start, string Target, string Authority, string Path, string Fields, string EndToEnd, BodyKind Kind, string Body, string Trailers, bool Complete)
{
    /// <summary>What must survive forwarding.</summary>
    public string Meaning => $"{Start}|{Path}|{Authority}|{EndToEnd}|{(Body.Length == 0 ? "" : Body)}|{Trailers}|{Complete}";
}

/// <summary>
/// Reads a connection's bytes with nothing but the codec, in the pieces it is told to, as a proxy would: head, body, next head.
/// Latin-1 strings keep every octet.
/// </summary>
public sealed class MessageStream
{
    private readonly byte[] _input;
    private readonly Http1Limits _limits;
    private readonly Http1Head _head = new();
    private int _start;
    private int _available;

    private MessageStream(byte[] input, Http1Limits limits)
    {
        _input = input;
        _limits = limits;
    }

    public List<ReadMessage> Messages { get; } = [];

    /// <summary>Every complete message written anew, as it would go upstream.</summary>
    public List<byte[]> Forwarded { get; } = [];

    /// <summary>Set when the stream was refused.</summary>
    public Http1Error Error { get; private set; }

    /// <summary>Bytes that no message consumed.</summary>
    public int Leftover => _input.Length - _start;

    public bool LastSaidClose { get; private set; }

    public bool LastKeepsAlive { get; private set; }

    public bool Refused => Error.Kind != Http1ErrorKind.None;

    public int CompleteMessages => Messages.Count(message => message.Complete);

    /// <summary>Everything observable, for comparing two readings of the same bytes.</summary>
    public override string ToString() =>
        string.Join('\n', Messages) + $"\n{Error} leftover={Leftover} close={LastSaidClose} alive={LastKeepsAlive}";

    /// <summary>Reads requests that arrive in pieces ending at <paramref name="cuts"/> (ascending), the rest after the last.</summary>
    public static MessageStream Requests(byte[] input, IEnumerable<int>? cuts = null, Http1Limits? limits = null)
    {
        var stream = new MessageStream(input, limits ?? Http1Limits.Default);
        stream.Run(cuts ?? [], response: null, closes: false);
        return stream;
    }

    /// <summary>Reads the answers to one request.</summary>
    public static MessageStream Responses(
        byte[] input, RequestKind requestKind, bool closes, IEnumerable<int>? cuts = null, Http1Limits? limits = null)
    {
        var stream = new MessageStream(input, limits ?? Http1Limits.Default);
        stream.Run(cuts ?? [], requestKind, closes);
        return stream;
    }

    public static string Latin(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    public static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    private void Run(IEnumerable<int> cuts, RequestKind? response, bool closes)
    {
        using var pieces = cuts.Append(_input.Length).GetEnumerator();
        bool More()
        {
            if (!pieces.MoveNext()) return false;
            _available = pieces.Current;
            return true;
        }
        More();
        while (true)
        {
            ParseStatus status;
            while (true)
            {
                var view = _input.AsSpan(_start, _available - _start);
                Http1Error error;
                status = response is { } kind
                    ? Http1Parser.ParseResponse(view, kind, _limits, _head, out error)
                    : Http1Parser.ParseRequest(view, _limits, _head, out error);
                Error = error;
                if (status != ParseStatus.NeedMore || !More()) break;
            }
            if (status != ParseStatus.Done) return;
            if (!ReadMessageBody(More, closes)) return;
            LastSaidClose = _head.ConnectionClose;
            LastKeepsAlive = _head.KeepAlive;
            if (response is null ? !_head.KeepAlive || _head.RequestKind == RequestKind.Connect : !_head.IsInterim)
                return;
        }
    }

    private bool ReadMessageBody(Func<bool> more, bool closes)
    {
        var head = _input.AsSpan(_start, _head.Length).ToArray();
        _start += _head.Length;
        var body = new MemoryStream();
        var reader = new BodyReader(_head, _limits);
        byte[] trailerSection = [];
        while (true)
        {
            var status = reader.Read(_input.AsSpan(_start, _available - _start), out var consumed, out var data);
            _start += consumed;
            if (status == BodyStatus.Data) body.Write(data);
            if (status == BodyStatus.End) trailerSection = data.ToArray();
            if (status == BodyStatus.NeedMore)
            {
                if (more()) continue;
                if (closes) status = reader.OnEndOfStream();
            }
            if (status == BodyStatus.Data) continue;
            Error = reader.Error;
            return Add(head, body.ToArray(), trailerSection, status == BodyStatus.End);
        }
    }

    private bool Add(byte[] head, byte[] body, byte[] trailerSection, bool complete)
    {
        var path = Path(head, out var error);
        if (error.Kind != Http1ErrorKind.None)
        {
            Error = error;
            return false;
        }
        var trailers = Text(trailerSection, complete ? _head.Trailers.Fields : [], all: true);
        Messages.Add(new ReadMessage(
            _head.IsResponse ? $"{_head.Status} {Latin(_head.Reason(head))}" : Latin(_head.Method(head)),
            Latin(_head.Target(head)), Latin(_head.Authority(head)), Latin(path), Text(head, _head.Fields, all: true),
            Text(head, _head.Fields, all: false), _head.Body, Latin(body), trailers, complete));
        if (complete) Forwarded.Add(Forward(head, path, body, trailerSection));
        return complete;
    }

    private byte[] Path(byte[] head, out Http1Error error)
    {
        error = default;
        if (_head.IsResponse) return [];
        var destination = new byte[_head.PathLength + 1];
        var status = _head.NormalizePath(head, destination, PathPolicy.Base, out var written, out error);
        return status == PathStatus.Rewritten ? destination[..written] : _head.Path(head).ToArray();
    }

    private static string Text(byte[] buffer, ReadOnlySpan<HeaderField> fields, bool all)
    {
        var text = new StringBuilder();
        foreach (var field in fields)
        {
            if (!all && (field.HopByHop || field.Known == KnownHeader.Host)) continue;
            text.Append(Latin(buffer.AsSpan(field.NameStart, field.NameLength))).Append(": ")
                .Append(Latin(buffer.AsSpan(field.ValueStart, field.ValueLength))).Append(field.HopByHop ? " (hop)" : "").Append("; ");
        }
        return text.ToString();
    }

    private byte[] Forward(byte[] head, byte[] path, byte[] body, byte[] trailerSection)
    {
        var output = new byte[head.Length + body.Length + trailerSection.Length + 1024];
        var writer = new HeadWriter(output);
        if (_head.IsResponse) writer.StatusLine(_head.Status, _head.Reason(head));
        else
        {
            writer.RequestLine(_head.Method(head), _head.TargetForm == TargetForm.Authority ? _head.Target(head) : path);
            if (_head.AuthorityLength != 0) writer.Host(_head.Authority(head));
            else writer.Host("none"u8);
        }
        writer.EndToEndFields(head, _head.Fields);
        var bodiless = _head.IsResponse && _head.Body == BodyKind.None && (_head.Status is < 200 or 204 or 304 || _head.RequestKind != RequestKind.Other);
        var chunked = _head.Body is BodyKind.Chunked or BodyKind.UntilClose;
        if (chunked) writer.Chunked();
        else if (!bodiless) writer.ContentLength(body.Length);
        writer.End();
        if (writer.Status != WriteStatus.Ok) throw new InvalidOperationException($"an accepted head could not be written: {writer.Status}");
        var written = writer.Written;
        if (!chunked)
        {
            body.CopyTo(output, written);
            return output[..(written + body.Length)];
        }
        if (body.Length != 0)
        {
            written += ChunkedWriter.WritePrefix(output.AsSpan(written), body.Length);
            body.CopyTo(output, written);
            written += body.Length;
            ChunkedWriter.Suffix.CopyTo(output.AsSpan(written));
            written += 2;
        }
        ChunkedWriter.LastBeforeTrailers.CopyTo(output.AsSpan(written));
        written += 3;
        var trailers = new HeadWriter(output.AsSpan(written));
        foreach (ref readonly var field in _head.Trailers.Fields) trailers.Field(trailerSection, field);
        trailers.End();
        if (trailers.Status != WriteStatus.Ok) throw new InvalidOperationException($"accepted trailers could not be written: {trailers.Status}");
        return output[..(written + trailers.Written)];
    }
}
