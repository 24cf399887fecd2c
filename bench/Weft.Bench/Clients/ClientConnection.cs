using Weft.Proxy.Transport;
using Weft.Proxy.Workers;

namespace Weft.Bench.Clients;

/// <summary>One connection that carries one request at a time. What comes in is parsed where it was read; only a part of a message is kept.</summary>
internal abstract class ClientConnection(Worker worker, Target target, Herd herd) : IChannelHandler
{
    // One thread serves all connections, and nothing in here outlives a call.
    private static readonly byte[] Scratch = new byte[64 * 1024];

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private Channel? _channel;
    private byte[]? _partial;

    /// <summary>True between a request and the end of its answer.</summary>
    public bool IsBusy { get; private set; }

    /// <summary>When the request should have been sent, in the worker's microseconds.</summary>
    public long SentAt { get; private set; }

    public static ClientConnection Create(Worker worker, Target target, Herd herd) =>
        target.IsHttp2 ? new Http2Client(worker, target, herd) : new Http1Client(worker, target, herd);

    public void Connect() => _channel = worker.Connect(target.Address, target.Tls, "bench.local", Patience, this);

    public void Send(long sentAt)
    {
        (IsBusy, SentAt) = (true, sentAt);
        Write(Request());
    }

    public void Close() => _channel?.Close();

    void IChannelHandler.OnOpen(Channel channel)
    {
        Greet();
        herd.OnOpen(this);
    }

    void IChannelHandler.OnReadable(Channel channel)
    {
        while (channel.IsOpen)
        {
            _partial?.CopyTo(Scratch, 0);
            var kept = _partial?.Length ?? 0;
            var status = channel.Read(Scratch.AsSpan(kept), out var read);
            if (status == IoStatus.WouldBlock) return;
            if (status != IoStatus.Ok)
            {
                Break(status == IoStatus.EndOfStream ? "closed by the proxy" : channel.FailureText);
                return;
            }
            var all = Scratch.AsSpan(0, kept + read);
            var used = Parse(all, out var answered);
            _partial = used == all.Length ? null : all[used..].ToArray();
            if (!answered) continue;
            IsBusy = false;
            herd.OnAnswer(this);
        }
    }

    void IChannelHandler.OnWritable(Channel channel) { }

    void IChannelHandler.OnFailed(Channel channel) => herd.OnBroken(this, channel.FailureText);

    /// <summary>Sent before the first request.</summary>
    protected virtual void Greet() { }

    protected abstract ReadOnlySpan<byte> Request();

    /// <summary>Takes whole messages from the front of <paramref name="bytes"/> and says how many bytes they were.</summary>
    protected abstract int Parse(ReadOnlySpan<byte> bytes, out bool answered);

    /// <summary>Requests here are a few hundred bytes and one at a time: a socket that does not take one is broken.</summary>
    protected void Write(ReadOnlySpan<byte> bytes)
    {
        if (_channel!.Write(bytes, out var written) != IoStatus.Ok || written < bytes.Length) Break("a request did not fit into the socket");
    }

    protected void Break(string why)
    {
        _channel!.Close();
        herd.OnBroken(this, why);
    }
}
