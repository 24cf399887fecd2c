using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Weft.Scenarios.Soak;

/// <summary>
/// Opens new mutual TLS connections at a rate, each with a full handshake and one request, and ends them in every way that clients do: most orderly, some by a reset, and beside every
/// tenth one more that leaves before it has said a word. Not our engine: the framework's own TLS.
/// </summary>
internal sealed class MutualTlsClients(int port, X509Certificate2 certificate)
{
    private const int AtOnce = 64; // a slow machine must not grow the number of handshakes under way, which is memory too
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly byte[] _request = Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: soak\r\n\r\n");
    private long _answered;
    private string? _firstFailure;

    public long Answered => Volatile.Read(ref _answered);

    /// <summary>What went wrong first; null when nothing did.</summary>
    public string? FirstFailure => _firstFailure;

    /// <summary>Ends when all connections that it opened have ended.</summary>
    public async Task RunAsync(int perSecond, TimeSpan length)
    {
        using var slots = new SemaphoreSlim(AtOnce);
        var clock = Stopwatch.StartNew();
        for (var i = 0L; clock.Elapsed < length; i++)
        {
            var due = TimeSpan.FromSeconds((double)i / perSecond);
            if (due > clock.Elapsed) await Task.Delay(due - clock.Elapsed);
            await slots.WaitAsync();
            _ = Task.Run(async () =>
            {
                await OneAsync(i);
                slots.Release();
            });
        }
        for (var i = 0; i < AtOnce; i++) await slots.WaitAsync();
    }

    private async Task OneAsync(long number)
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(IPAddress.Loopback, port, patience.Token);
            await using var tls = new SslStream(new NetworkStream(socket));
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "soak.local",
                ClientCertificates = [certificate],
                AllowTlsResume = false,
                ApplicationProtocols = [SslApplicationProtocol.Http11],
                RemoteCertificateValidationCallback = (_, _, _, _) => true, // the proxy verifies us; whether we believe it is another test's business
            }, patience.Token);
            await tls.WriteAsync(_request, patience.Token);
            await ReadAnswerAsync(tls, patience.Token);
            Interlocked.Increment(ref _answered);
            if (number % 10 == 0) await LeaveAtOnceAsync(patience.Token);
            if (number % 5 == 0) socket.LingerState = new LingerOption(true, 0);
            else await tls.ShutdownAsync();
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _firstFailure, $"connection {number}: {e}", null);
        }
    }

    private async Task LeaveAtOnceAsync(CancellationToken stop)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port, stop);
    }

    private static async Task ReadAnswerAsync(SslStream tls, CancellationToken stop)
    {
        var bytes = new byte[1024];
        var length = 0;
        while (!Encoding.ASCII.GetString(bytes, 0, length).EndsWith("soak\r\n0\r\n\r\n", StringComparison.Ordinal))
        {
            var read = await tls.ReadAsync(bytes.AsMemory(length), stop);
            if (read == 0) throw new IOException($"the answer ended early: {Encoding.ASCII.GetString(bytes, 0, length)}");
            length += read;
        }
    }
}
