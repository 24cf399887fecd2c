using System.Diagnostics.CodeAnalysis;
using System.Net;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Transport;

/// <summary>A TCP stream without TLS: one system call per read and write.</summary>
internal sealed class PlainChannel : SocketChannel
{
    private bool _ended;

    [SetsRequiredMembers]
    private PlainChannel(Worker worker, IPEndPoint remote, IChannelHandler handler) : base(worker, remote) => Handler = handler;

    internal static PlainChannel Connect(Worker worker, IPEndPoint remote, TimeSpan timeout, in ConnectOptions options, IChannelHandler handler)
    {
        var channel = new PlainChannel(worker, remote, handler);
        channel.StartConnecting(timeout, options);
        return channel;
    }

    internal static PlainChannel Accept(Worker worker, int fd, IPEndPoint remote, IPEndPoint? local, ReadyEvents? seen, IAcceptGate? gate, IChannelHandler handler)
    {
        var channel = new PlainChannel(worker, remote, handler);
        channel.Adopt(fd, local, seen, gate);
        return channel;
    }

    public override void ResetOnDeath()
    {
        if (State != Phase.Open || ResetsOnClose) return;
        ResetsOnClose = true;
        Socket.ResetsOnClose(Fd, true);
    }

    public override IoStatus Read(Span<byte> into, out int read)
    {
        read = 0;
        if (into.IsEmpty) throw new ArgumentException("room for at least one byte is needed: an empty read looks like the end", nameof(into));
        if (State != Phase.Open) return IoStatus.Failed;
        if (_ended) return IoStatus.EndOfStream;
        if (!SocketReadable) return WaitToRead();
        while (true)
        {
            var count = (int)Socket.Receive(Fd, into);
            if (count > 0)
            {
                if (count < into.Length && !ReadsToTheEnd) SocketReadable = false;
                read = count;
                return IoStatus.Ok;
            }
            if (count == 0)
            {
                _ended = true;
                return IoStatus.EndOfStream;
            }
            var error = Errno.LastOfHotCall;
            if (error == Errno.Interrupted) continue;
            if (error != Errno.Again) return FailIo(error);
            SocketReadable = false;
            return WaitToRead();
        }
    }

    /// <summary>As <see cref="Read"/>, into an empty pipe. <see cref="IoStatus.EndOfStream"/> means that nothing comes by this way: <see cref="Read"/> tells whether it is the end,
    /// an urgent mark (which a pipe cannot pass), or that this kernel has no such way.</summary>
    public IoStatus Read(Pipe into, out int read)
    {
        read = 0;
        if (State != Phase.Open) return IoStatus.Failed;
        if (_ended) return IoStatus.EndOfStream;
        if (!SocketReadable) return WaitToRead();
        while (true)
        {
            var count = (int)into.Fill(Fd);
            if (count > 0)
            {
                read = count;
                return IoStatus.Ok;
            }
            if (count == 0) return IoStatus.EndOfStream;
            switch (Errno.LastOfHotCall)
            {
                case Errno.Interrupted:
                    continue;
                case Errno.Again when !ReadsToTheEnd:
                    SocketReadable = false;
                    return WaitToRead();
                case Errno.Again or Errno.InvalidArgument or Errno.NotImplemented or Errno.NotPermitted:
                    return IoStatus.EndOfStream;
                case var error:
                    return FailIo(error); // the kernel tells it once: a later read would take a reset for the end
            }
        }
    }

    /// <summary>Writes what the pipe holds, as much as fits.</summary>
    public IoStatus Write(Pipe from, out int written)
    {
        written = 0;
        if (State != Phase.Open) return IoStatus.Failed;
        if (!SocketWritable) return WaitToWrite();
        nint count;
        do count = from.Drain(Fd);
        while (count < 0 && Errno.LastOfHotCall == Errno.Interrupted);
        return Sent(count, 0, out written); // a short splice proves nothing of the socket: only EAGAIN does
    }

    public override IoStatus Peek(Span<byte> into, out int count)
    {
        count = 0;
        if (State != Phase.Open) return IoStatus.Failed;
        if (_ended) return IoStatus.EndOfStream;
        AwaitsRead = true;
        do count = (int)Socket.Peek(Fd, into);
        while (count < 0 && Errno.LastOfHotCall == Errno.Interrupted);
        if (count > 0) return IoStatus.Ok;
        if (count == 0) return IoStatus.EndOfStream; // the read that comes to it notes it
        var error = Errno.LastOfHotCall;
        count = 0;
        return error == Errno.Again ? IoStatus.WouldBlock : FailIo(error);
    }

    public override IoStatus Write(ReadOnlySpan<byte> from, out int written)
    {
        written = 0;
        if (State != Phase.Open) return IoStatus.Failed;
        if (from.IsEmpty) return IoStatus.Ok;
        if (!SocketWritable) return WaitToWrite();
        nint count;
        do count = Socket.Send(Fd, from);
        while (count < 0 && Errno.LastOfHotCall == Errno.Interrupted);
        return Sent(count, from.Length, out written);
    }

    public override IoStatus Write(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, out int written)
    {
        if (second.IsEmpty) return Write(first, out written);
        if (first.IsEmpty) return Write(second, out written);
        written = 0;
        if (State != Phase.Open) return IoStatus.Failed;
        if (!SocketWritable) return WaitToWrite();
        nint count;
        do count = Socket.Send(Fd, first, second);
        while (count < 0 && Errno.LastOfHotCall == Errno.Interrupted);
        return Sent(count, first.Length + second.Length, out written);
    }

    public override void ShutdownWrite()
    {
        if (State == Phase.Open) Socket.ShutdownWrite(Fd);
    }

    protected override void OnConnected() => BecomeOpen();

    private IoStatus Sent(nint count, int offered, out int written)
    {
        written = 0;
        if (count >= 0)
        {
            if (count < offered) SocketWritable = false;
            written = (int)count;
            return IoStatus.Ok;
        }
        var error = Errno.LastOfHotCall;
        if (error != Errno.Again) return FailIo(error);
        SocketWritable = false;
        return WaitToWrite();
    }

    private IoStatus WaitToRead()
    {
        AwaitsRead = true;
        return IoStatus.WouldBlock;
    }

    private IoStatus WaitToWrite()
    {
        AwaitsWrite = true;
        return IoStatus.WouldBlock;
    }
}
