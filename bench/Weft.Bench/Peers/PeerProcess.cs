using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using Weft.Bench.Measuring;

namespace Weft.Bench.Peers;

/// <summary>A running peer, pinned to one core, with what it says in a log file.</summary>
internal sealed class PeerProcess : IAsyncDisposable
{
    private const int Terminate = 15;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private static readonly HashSet<int> Running = [];

    private readonly Process _process;
    private readonly StreamWriter _log;

    private PeerProcess(Peer peer, Process process, StreamWriter log)
    {
        Peer = peer;
        _process = process;
        _log = log;
        lock (Running) Running.Add(process.Id);
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public Peer Peer { get; }

    public ProcessTree Tree => new(_process.Id);

    public static PeerProcess Start(Peer peer, int core)
    {
        var log = new StreamWriter(Path.Combine(Repository.Logs, $"{peer.Name}-{peer.Port}-{Guid.NewGuid():N}.log")) { AutoFlush = true };
        // taskset replaces itself by the program, so the process started is the peer.
        var start = new ProcessStartInfo(Repository.Find("taskset")!, ["-c", core.ToString(), peer.Program, .. peer.Arguments])
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Repository.Made,
        };
        // Else caddy writes into the user's home.
        start.Environment["XDG_DATA_HOME"] = start.Environment["XDG_CONFIG_HOME"] = Path.Combine(Repository.Made, "caddy");
        return new PeerProcess(peer, Process.Start(start)!, log);
    }

    /// <summary>Waits until the peer accepts connections. Tight on purpose: it is also how start-up time is measured.</summary>
    /// <exception cref="InvalidOperationException">It ended, or did not accept within 15 seconds.</exception>
    public void WaitUntilAccepting()
    {
        var since = Stopwatch.StartNew();
        while (true)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Connect("127.0.0.1", Peer.Port);
                return;
            }
            catch (SocketException e)
            {
                if (_process.HasExited) throw new InvalidOperationException($"{Peer.Name} ended with {_process.ExitCode}; its log is {LogName}", e);
                if (since.Elapsed > Patience) throw new InvalidOperationException($"{Peer.Name} does not accept on port {Peer.Port}; its log is {LogName}", e);
                Thread.Sleep(TimeSpan.FromMicroseconds(200));
            }
        }
    }

    /// <summary>Waits until a request to <paramref name="url"/> is answered by the application. (The HTTP/2 application has nothing at /, and says so itself.)</summary>
    public async Task WaitUntilServingAsync(Uri url, Reach reach, string host)
    {
        using var client = Client(reach);
        var since = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, url) { Version = client.DefaultRequestVersion, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
                request.Headers.Host = host;
                request.Headers.Add("x-version", "v0");
                using var answer = await client.SendAsync(request);
                if (answer.IsSuccessStatusCode || (reach == Reach.Http2 && answer.StatusCode == HttpStatusCode.NotFound)) return;
                if (since.Elapsed > Patience) throw new InvalidOperationException($"{Peer.Name} answers {(int)answer.StatusCode}; its log is {LogName}");
            }
            catch (HttpRequestException e)
            {
                if (since.Elapsed > Patience || _process.HasExited) throw new InvalidOperationException($"{Peer.Name} does not serve: {e.Message}; its log is {LogName}", e);
            }
            await Task.Delay(1);
        }
    }

    /// <summary>Ends every peer: a run that is ended from outside must not leave them on their cores and ports, where the next one would measure them.</summary>
    public static void EndAll()
    {
        lock (Running)
        {
            foreach (var pid in Running) SendSignal(pid, Terminate);
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (Running) Running.Remove(_process.Id);
        if (!_process.HasExited && SendSignal(_process.Id, Terminate) == 0)
        {
            try
            {
                await _process.WaitForExitAsync().WaitAsync(Patience);
            }
            catch (TimeoutException)
            {
                _process.Kill(entireProcessTree: true);
            }
        }
        await _process.WaitForExitAsync();
        _process.Dispose();
        await _log.DisposeAsync();
    }

    private string LogName => ((FileStream)_log.BaseStream).Name;

    private static HttpClient Client(Reach reach)
    {
        var handler = new SocketsHttpHandler { UseProxy = false };
        if (reach == Reach.MutualTls)
        {
            handler.SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificates = [X509Certificate2.CreateFromPemFile(Certificates.Chain("client"), Certificates.Key("client"))],
                RemoteCertificateValidationCallback = (_, _, _, _) => true, // only whether it serves is asked here
                TargetHost = Certificates.TrustDomain,
            };
        }
        return new HttpClient(handler)
        {
            DefaultRequestVersion = reach == Reach.Http2 ? HttpVersion.Version20 : HttpVersion.Version11,
        };
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is null) return;
        lock (_log) _log.WriteLine(line.Data);
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int SendSignal(int pid, int signal);
}
