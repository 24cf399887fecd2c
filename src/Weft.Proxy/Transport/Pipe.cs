namespace Weft.Proxy.Transport;

/// <summary>A kernel pipe between two sockets: bytes that it holds were never in this process. Belongs to a worker's <see cref="PipePool"/>.</summary>
internal sealed class Pipe
{
    private readonly int _out;
    private readonly int _in;

    private Pipe(int @out, int @in) => (_out, _in) = (@out, @in);

    /// <summary>Bytes in it.</summary>
    public int Held { get; private set; }

    public bool IsEmpty => Held == 0;

    /// <summary>Null when there is no descriptor to spare, or none of this size: beyond <c>pipe-user-pages-soft</c> the kernel gives pipes of two pages, which move less than a read does.</summary>
    public static Pipe? TryCreate(int bytes)
    {
        if (!Libc.TryPipe(out var @out, out var @in)) return null;
        if (Math.Max(@out, @in) < Descriptors.Ceiling && Libc.FileControl(@in, Libc.SetPipeSize, bytes) >= bytes) return new Pipe(@out, @in);
        Socket.Close(@out);
        Socket.Close(@in);
        return null;
    }

    /// <summary>Moves what a socket has, as much as there is room for. Use it on an empty pipe alone: a full one answers as an empty socket does.</summary>
    /// <returns>As <see cref="Socket.Receive"/>; -1 and EAGAIN when the socket is empty.</returns>
    public nint Fill(int socket)
    {
        var moved = Libc.Splice(socket, _in, int.MaxValue);
        if (moved > 0) Held += (int)moved;
        return moved;
    }

    /// <summary>Moves what it holds to a socket, as much as that takes.</summary>
    /// <returns>As <see cref="Socket.Send(int, ReadOnlySpan{byte})"/>.</returns>
    public nint Drain(int socket)
    {
        // Asking for more than there is would have the kernel hold the last segment back for what is to follow.
        var moved = Libc.Splice(_out, socket, Held);
        if (moved > 0) Held -= (int)moved;
        return moved;
    }

    public void Close()
    {
        Socket.Close(_out);
        Socket.Close(_in);
    }
}
