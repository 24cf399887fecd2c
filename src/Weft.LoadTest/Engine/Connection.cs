using System.Net;
using System.Net.Sockets;

namespace Weft.LoadTest.Engine;

internal enum ConnectionState
{
    /// <summary>No socket; the next request opens one.</summary>
    Closed,
    Connecting,
    Sending,
    Receiving,

    /// <summary>Open and waiting for the next request.</summary>
    Idle,
}

/// <summary>What became of an exchange after an event on its socket.</summary>
internal enum Progress
{
    Waiting,
    Answered,
    ConnectFailure,
    Reset,
    Closed,
    Malformed,
}

/// <summary>
/// One keep-alive connection and the request on it. All calls come from the load's one thread, and none of them blocks.
/// </summary>
internal sealed class Connection(IPEndPoint address, ReadOnlyMemory<byte> request, bool toHead)
{
    private readonly ResponseReader _reader = new();
    private Socket? _socket;
    private int _sent;

    public ConnectionState State { get; private set; }

    /// <summary>Number of the request on this connection, by the schedule.</summary>
    public long Request { get; private set; }

    public int Status => _reader.Status;

    /// <summary>The last socket error, or the head of the last response.</summary>
    public string Detail { get; private set; } = "";

    public long Opened { get; private set; }

    public int Descriptor => _socket is null ? -1 : (int)_socket.SafeHandle.DangerousGetHandle();

    public PollEvents Interest => State switch
    {
        ConnectionState.Connecting => PollEvents.Write,
        ConnectionState.Sending => PollEvents.Write | PollEvents.Read,
        ConnectionState.Closed => PollEvents.None,
        _ => PollEvents.Read,
    };

    /// <summary>Puts a request on this idle or closed connection.</summary>
    public Progress Start(long number)
    {
        Request = number;
        _sent = 0;
        _reader.Begin(toHead);
        return State == ConnectionState.Idle ? Send() : Connect();
    }

    /// <summary>Goes on after the socket became ready.</summary>
    /// <param name="buffer">Scratch space for received bytes.</param>
    public Progress Continue(PollEvents ready, Span<byte> buffer)
    {
        switch (State)
        {
            case ConnectionState.Connecting:
                return Connected();
            case ConnectionState.Sending when (ready & PollEvents.Write) != PollEvents.None:
                // A server may answer, and close, before it has read the whole request: its answer is still worth reading.
                var sent = Send();
                return sent == Progress.Reset ? Receive(buffer, sent) : sent;
            case ConnectionState.Sending or ConnectionState.Receiving:
                return Receive(buffer, Progress.Reset);
            default:
                Close(); // an idle connection has nothing to say but goodbye
                return Progress.Waiting;
        }
    }

    public void Close()
    {
        _socket?.Dispose();
        _socket = null;
        State = ConnectionState.Closed;
    }

    private Progress Connect()
    {
        Opened++;
        _socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { Blocking = false, NoDelay = true };
        State = ConnectionState.Connecting;
        try
        {
            _socket.Connect(address);
            return Send();
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            return Progress.Waiting;
        }
        catch (SocketException e)
        {
            return Fail(Progress.ConnectFailure, e.SocketErrorCode);
        }
    }

    private Progress Connected()
    {
        var error = (int)_socket!.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error)!;
        return error == 0 ? Send() : Fail(Progress.ConnectFailure, (SocketError)error);
    }

    private Progress Send()
    {
        State = ConnectionState.Sending;
        while (_sent < request.Length)
        {
            _sent += _socket!.Send(request.Span[_sent..], SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock) return Progress.Waiting;
            if (error != SocketError.Success)
            {
                Detail = error.ToString();
                return Progress.Reset;
            }
        }
        State = ConnectionState.Receiving;
        return Progress.Waiting;
    }

    private Progress Receive(Span<byte> buffer, Progress onError)
    {
        while (true)
        {
            var received = _socket!.Receive(buffer, SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock) return Progress.Waiting;
            if (error != SocketError.Success) return Fail(onError, error);
            var result = received == 0 ? _reader.End() : _reader.Read(buffer[..received]);
            if (result == ReadResult.Complete) return Answered();
            if (result == ReadResult.Malformed) return Fail(Progress.Malformed, _reader.Describe());
            if (received == 0) return Fail(Progress.Closed, _reader.Started ? "closed inside a response" : "closed without a response");
            if (received < buffer.Length) return Progress.Waiting; // what comes next makes the socket ready again
        }
    }

    private Progress Answered()
    {
        if (_reader.Status is < 200 or >= 300) Detail = _reader.Describe();
        if (_reader.KeepAlive && State == ConnectionState.Receiving) State = ConnectionState.Idle;
        else Close();
        return Progress.Answered;
    }

    private Progress Fail(Progress how, object detail)
    {
        Detail = detail.ToString()!;
        Close();
        return how;
    }
}
