using System.Text;
using Weft.Proxy.Http2;
using Weft.Proxy.Http2.Hpack;
using Weft.Proxy.Pipelines;

namespace Weft.Fuzz.Targets;

/// <summary>The user of one HTTP/2 stream: writes down what it hears, and behaves in one of several ways by its number.</summary>
internal sealed class FuzzStream : IHttp2StreamEvents
{
    private readonly StringBuilder _told = new();
    private readonly int _number;
    private readonly bool _isServer;
    private long _body;

    public FuzzStream(int number, bool isServer)
    {
        _number = number;
        _isServer = isServer;
        Stream = new Http2Stream(this) { Fields = isServer ? new FieldBlock() : null };
    }

    public Http2Stream Stream { get; }

    /// <summary>How it ended, if it did.</summary>
    public string End { get; private set; } = "open";

    public override string ToString() => $"{_number}: {_told} body {_body}, {End}";

    /// <summary>Clients: the request; with a body that ends, one that does not, or none.</summary>
    public void Ask()
    {
        var writer = Stream.BeginHead();
        writer.Pseudo(":method"u8, "GET"u8);
        writer.Pseudo(":path"u8, "/"u8);
        Stream.EndHead(ref writer, endStream: _number % 3 == 0);
        if (_number % 3 == 0) return;
        Stream.Write("question"u8);
        if (_number % 3 == 1) Stream.WriteEnd(default);
    }

    public void OnHead(FieldBlock fields, bool endStream)
    {
        _told.Append("head ");
        foreach (ref readonly var field in fields.Fields) _told.Append(MessageStream.Latin(fields.Name(field))).Append('=').Append(MessageStream.Latin(fields.Value(field))).Append(' ');
        if (endStream) _told.Append("end ");
        if (_isServer) React();
    }

    public void OnHeadTooLarge(bool endStream)
    {
        _told.Append("too large ");
        Stream.Reset(Http2ErrorCode.EnhanceYourCalm);
    }

    public bool OnData(ReadOnlySpan<byte> data)
    {
        _body += data.Length;
        return true;
    }

    public void OnEnd(in Trailers trailers) => _told.Append("end ").Append(trailers.Fields.Length).Append(" trailers ");

    public void OnReceived() { }

    public void OnWritable() { }

    public void OnAborted(in StreamAbort abort) => End = $"aborted {abort}";

    public void OnClosed() => End = "closed";

    private void React()
    {
        switch (_number % 5)
        {
            case 0:
                Stream.Resume();
                Answer();
                break;
            case 1:
                Answer();
                Stream.Leave();
                break;
            case 2:
                Stream.Reset(Http2ErrorCode.Cancel);
                break;
            case 3:
                Stream.Malformed("by decision");
                break;
            default: // takes nothing and says nothing
                break;
        }
    }

    private void Answer()
    {
        var writer = Stream.BeginHead();
        writer.Pseudo(":status"u8, "200"u8);
        writer.Field("x-number"u8, "n"u8);
        Stream.EndHead(ref writer, endStream: false);
        Stream.Write("an answer"u8);
        Stream.WriteEnd(default);
    }
}
