using Weft.Proxy.Http1;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Warmup;

/// <summary>The workload of the exercise: answers 200, with chunks to <c>/…chunked</c>, and breaks every other connection that asks for <c>/…unsteady</c>.</summary>
internal sealed class WarmupBackend(Worker worker) : IAcceptHandler
{
    private static readonly byte[] Sized = [.. "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n\r\n"u8, .. new byte[1024]];

    private static readonly byte[] Chunked = [.. "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nServer: warm-up\r\n\r\n400\r\n"u8, .. new byte[1024], .. "\r\n3\r\nend\r\n0\r\n\r\n"u8];

    private int _unsteady;

    public void OnAccepted(AcceptedSocket socket) => socket.Plain(new Connection(this, worker));

    private sealed class Connection(WarmupBackend backend, Worker worker) : WarmupPeer(worker)
    {
        private bool _chunked;
        private bool _unsteady;

        protected override ParseStatus ParseHead(ReadOnlySpan<byte> input, Http1Head head)
        {
            var status = Http1Parser.ParseRequest(input, Http1Limits.Default, head, out _);
            if (status != ParseStatus.Done) return status;
            _chunked = head.Path(input).EndsWith("chunked"u8);
            _unsteady = head.Path(input).EndsWith("unsteady"u8);
            return status;
        }

        protected override void OnMessage()
        {
            if (_unsteady && backend._unsteady++ % 2 == 0) Abort();
            else Send(_chunked ? Chunked : Sized);
        }

        protected override void OnEnded() { }
    }
}
