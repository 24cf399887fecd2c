using System.Text;
using Weft.Proxy.Tests.Workers;
using Weft.Proxy.Transport;

namespace Weft.Proxy.Tests.Transport;

/// <summary>Records what happens on a channel; reads everything at once unless told to hold back. What a test asks for it waits for.</summary>
internal sealed class Recorder(WorkerHost host) : IChannelHandler
{
    private readonly TaskCompletionSource<Channel> _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<Channel> _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<IoStatus> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly MemoryStream _received = new();
    private readonly byte[] _into = new byte[16 << 10];

    public bool HoldsBack { get; set; }

    public int Writables { get; private set; }

    public int Readables { get; private set; }

    public bool? PeerReset { get; private set; }

    public Action<Channel>? Opening { get; init; }

    public Channel Opened => Wait(_opened.Task);

    public Channel Failed => Wait(_failed.Task);

    /// <summary>How reading ended.</summary>
    public IoStatus Ended => Wait(_ended.Task);

    public byte[] Received => host.On(() => _received.ToArray());

    public string ReceivedText => Encoding.UTF8.GetString(Received);

    public bool HasFailed => _failed.Task.IsCompleted;

    public bool HasOpened => _opened.Task.IsCompleted;

    public void OnOpen(Channel channel)
    {
        Opening?.Invoke(channel);
        _opened.SetResult(channel);
    }

    public void OnReadable(Channel channel)
    {
        Readables++;
        if (!HoldsBack) Drain(channel);
    }

    public void OnWritable(Channel channel) => Writables++;

    public void OnFailed(Channel channel) => _failed.SetResult(channel);

    public void OnPeerEnding(Channel channel, bool reset) => PeerReset = reset;

    public void Drain(Channel channel)
    {
        while (true)
        {
            var status = channel.Read(_into, out var read);
            if (status == IoStatus.Ok)
            {
                _received.Write(_into, 0, read);
                continue;
            }
            if (status != IoStatus.WouldBlock) _ended.TrySetResult(status);
            return;
        }
    }

    private static T Wait<T>(Task<T> task) => task.WaitAsync(WorkerHost.Patience).GetAwaiter().GetResult();
}
