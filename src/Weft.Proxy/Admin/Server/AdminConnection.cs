using System.Net.Sockets;
using System.Text;
using Weft.Proxy.Http1;
using Weft.Proxy.Pipelines;

namespace Weft.Proxy.Admin;

/// <summary>One client of the admin server, served by one thread with blocking calls: one request after the other until either side has enough.</summary>
internal sealed class AdminConnection(Socket socket, AdminSettings settings, AdminRouter router, TimeProvider time, Action<Exception> report)
{
    /// <summary>How much and how long is read past, so that closing with unread bytes does not destroy the answer on its way (RFC 9112 section 9.6).</summary>
    private const int LingerBytes = 256 * 1024;
    private static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(1);

    private readonly byte[] _buffer = new byte[settings.MaxRequestBytes];
    private readonly Http1Limits _limits = new() { MaxHeadBytes = settings.MaxRequestBytes, MaxRequestLineBytes = settings.MaxRequestBytes };
    private readonly Http1Head _head = new();
    private int _length;

    public void Serve()
    {
        socket.NoDelay = true;
        try
        {
            while (Next())
            {
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The client has gone, is too slow, or the server stops.
        }
    }

    /// <summary>Reads and answers one request; false when it was the last.</summary>
    private bool Next()
    {
        var status = ReadHead(out var error);
        if (status is null) return false;
        if (status != ParseStatus.Done) return Refuse(StatusOf(error.Kind), error.Reason);
        var keepAlive = TrySkipBody(out var end) && _head.KeepAlive;
        using var response = new AdminResponse();
        var request = AdminRequest.Read(_head, _buffer);
        try
        {
            router.Serve(request, response);
        }
        catch (Exception e)
        {
            report(e);
            response.Say(500, $"{e.GetType().Name}: {e.Message}\n");
        }
        try
        {
            Send(response, keepAlive, isHead: request.Method == "HEAD");
        }
        finally
        {
            response.AfterSent?.Invoke();
        }
        if (!keepAlive)
        {
            Linger();
            return false;
        }
        _buffer.AsSpan(end.._length).CopyTo(_buffer);
        _length -= end;
        return true;
    }

    /// <summary>Null: the client left, or said nothing for the idle time.</summary>
    private ParseStatus? ReadHead(out Http1Error error)
    {
        error = default;
        var deadline = Deadline(settings.IdleTimeout);
        var started = false;
        while (true)
        {
            if (_length > 0)
            {
                if (!started) deadline = Deadline(settings.RequestTimeout);
                started = true;
                var status = Http1Parser.ParseRequest(_buffer.AsSpan(0, _length), _limits, _head, out error);
                if (status != ParseStatus.NeedMore) return status;
                if (_length == _buffer.Length)
                {
                    error = new Http1Error(Http1ErrorKind.HeaderTooLarge, "the head passes the limit MaxRequestBytes, in bytes", settings.MaxRequestBytes);
                    return ParseStatus.Invalid;
                }
            }
            var received = Receive(_buffer.AsSpan(_length), deadline);
            if (received == 0) return null;
            _length += received;
        }
    }

    /// <summary>No endpoint wants a body. One that has come with its head is skipped; for any other the connection is not worth keeping.</summary>
    private bool TrySkipBody(out int end)
    {
        var body = new BodyReader(_head, _limits);
        end = _head.Length;
        while (!body.IsComplete)
        {
            var status = body.Read(_buffer.AsSpan(end, _length - end), out var consumed, out _);
            end += consumed;
            if (status is BodyStatus.NeedMore or BodyStatus.Invalid) return false;
        }
        return true;
    }

    private bool Refuse(int status, string reason)
    {
        using var response = new AdminResponse();
        response.Say(status, reason + "\n");
        Send(response, keepAlive: false, isHead: false);
        Linger();
        return false;
    }

    private void Send(AdminResponse response, bool keepAlive, bool isHead)
    {
        Span<byte> bytes = stackalloc byte[512];
        var head = new HeadWriter(bytes);
        head.StatusLine(response.Status, ReasonPhrases.Of(response.Status));
        head.Field("Content-Type"u8, Encoding.ASCII.GetBytes(response.ContentType));
        head.ContentLength(response.Body.Length);
        head.Field("Cache-Control"u8, "no-store"u8);
        head.Field("X-Content-Type-Options"u8, "nosniff"u8);
        if (response.Allow.Length > 0) head.Field("Allow"u8, Encoding.ASCII.GetBytes(response.Allow));
        if (!keepAlive) head.ConnectionClose();
        else if (_head.MinorVersion == 0) head.ConnectionKeepAlive();
        head.End();
        if (head.Status != WriteStatus.Ok) throw new InvalidOperationException($"the head of an admin response is {head.Status}");

        var deadline = Deadline(settings.ResponseTimeout);
        Send(bytes[..head.Written], deadline);
        if (isHead) return;
        foreach (var segment in response.Body.Segments) Send(segment.Span, deadline);
    }

    private void Send(ReadOnlySpan<byte> bytes, long deadline)
    {
        while (!bytes.IsEmpty)
        {
            socket.SendTimeout = Remaining(deadline);
            bytes = bytes[socket.Send(bytes)..];
        }
    }

    private int Receive(Span<byte> into, long deadline)
    {
        socket.ReceiveTimeout = Remaining(deadline);
        return socket.Receive(into);
    }

    private void Linger()
    {
        socket.Shutdown(SocketShutdown.Send);
        var deadline = Deadline(LingerTime);
        var left = LingerBytes;
        while (left > 0 && Receive(_buffer, deadline) is > 0 and var received) left -= received;
    }

    private long Deadline(TimeSpan after) => time.GetTimestamp() + (long)(after.TotalSeconds * time.TimestampFrequency);

    private int Remaining(long deadline)
    {
        var left = time.GetElapsedTime(time.GetTimestamp(), deadline);
        return left > TimeSpan.Zero ? Math.Max(1, (int)left.TotalMilliseconds) : throw new SocketException((int)SocketError.TimedOut);
    }

    private static int StatusOf(Http1ErrorKind kind) => kind switch
    {
        Http1ErrorKind.HeaderTooLarge => 431,
        Http1ErrorKind.UriTooLong => 414,
        Http1ErrorKind.VersionNotSupported => 505,
        Http1ErrorKind.NotImplemented => 501,
        _ => 400,
    };
}
