using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Weft.Bench.Measuring;

namespace Weft.Bench.Peers;

/// <summary>A running peer, pinned to one core, with what it says in a log file.</summary>
public sealed class PeerProcess : IAsyncDisposable
{
    private const int Terminate = 15;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private readonly Process _process;
    private readonly StreamWriter _log;

    private PeerProcess(Peer peer, Process process, StreamWriter log)
    {
        Peer = peer;
        _process = process;
        _log = log;
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public Peer Peer { get; }

    public ProcessTree Tree => new(_process.Id);

    public static PeerProcess Start(Peer peer, int core)
    {
        var log = new StreamWriter(Path.Combine(Repository.Scratch, $"{peer.Name}-{Guid.NewGuid():N}.log")) { AutoFlush = true };
        // taskset replaces itself by the program, so the process started is the peer.
        var start = new ProcessStartInfo(Repository.Find("taskset"), ["-c", core.ToString(), peer.Program, .. peer.Arguments])
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Repository.Scratch,
        };
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

    /// <summary>Waits until a request through the peer is answered with 200.</summary>
    public async Task WaitUntilServingAsync()
    {
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        var since = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                using var answer = await client.GetAsync(Peer.Url);
                if (answer.IsSuccessStatusCode) return;
                if (since.Elapsed > Patience) throw new InvalidOperationException($"{Peer.Name} answers {(int)answer.StatusCode}; its log is {LogName}");
            }
            catch (HttpRequestException e) when (since.Elapsed < Patience && !_process.HasExited)
            {
                _ = e; // not yet
            }
            await Task.Delay(1);
        }
    }

    public async ValueTask DisposeAsync()
    {
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

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is null) return;
        lock (_log) _log.WriteLine(line.Data);
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int SendSignal(int pid, int signal);
}
