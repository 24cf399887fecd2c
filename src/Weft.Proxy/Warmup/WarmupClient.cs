using System.Net;
using System.Text;
using Weft.Proxy.Http1;
using Weft.Proxy.Transport;
using Weft.Proxy.Workers;

namespace Weft.Proxy.Warmup;

/// <summary>The client of the exercise: a script of requests, one after the other on one connection, a new one where the proxy ends it.</summary>
internal sealed class WarmupClient(Worker worker, IPEndPoint proxy, IReadOnlyList<WarmupClient.Step> script) : WarmupPeer(worker)
{
    /// <param name="Request">Bytes to send.</param>
    /// <param name="Status">Of the right answer.</param>
    internal readonly record struct Step(byte[] Request, int Status)
    {
        public static Step Of(string request, int status = 200) => new(Encoding.ASCII.GetBytes(request.ReplaceLineEndings("\r\n")), status);
    }

    private int _next;
    private bool _connected;
    private int _failedConnections;

    /// <summary>Answers so far.</summary>
    public int Answered { get; private set; }

    /// <summary>Answers with another status than their step says, and connections that gave none.</summary>
    public int Unexpected { get; private set; }

    /// <summary>True when the script is at its end, or cannot get there.</summary>
    public bool IsDone => _next >= script.Count || _failedConnections > 3;

    /// <summary>Runs the script once more.</summary>
    public void Restart()
    {
        _next = 0;
        _failedConnections = 0;
        if (_connected) SendNext();
        else Connect();
    }

    public override void OnOpen(Channel channel)
    {
        base.OnOpen(channel);
        _connected = true;
        SendNext();
    }

    protected override ParseStatus ParseHead(ReadOnlySpan<byte> input, Http1Head head) =>
        Http1Parser.ParseResponse(input, RequestKind.Other, Http1Limits.Default, head, out _);

    protected override void OnMessage()
    {
        Answered++;
        if (Head.Status != script[_next].Status) Unexpected++;
        _next++;
        _failedConnections = 0;
        if (!Head.KeepAlive)
        {
            Close();
            OnEnded();
        }
        else SendNext();
    }

    protected override void OnEnded()
    {
        _connected = false;
        if (_failedConnections++ > 0) Unexpected++;
        if (!IsDone) Connect();
    }

    private void SendNext()
    {
        if (!IsDone) Send(script[_next].Request);
    }

    private void Connect() => Worker.Connect(proxy, tls: null, "", TimeSpan.FromSeconds(1), this);
}
