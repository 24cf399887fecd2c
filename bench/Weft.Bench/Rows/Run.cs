using Weft.Bench.Peers;
using Weft.Bench.Results;

namespace Weft.Bench.Rows;

/// <summary>One run of the benchmark: who takes part, how long and how often, and the sheet that it fills.</summary>
/// <param name="Proxies">The proxies compared.</param>
/// <param name="Rounds">Interleaved rounds: one of each participant after another, so that a slow minute of the machine hits all.</param>
/// <param name="RoundTime">Length of one measurement.</param>
/// <param name="WarmUp">Load before the first round, for caches, connections and the JIT.</param>
/// <param name="Sheet">Where the figures go.</param>
public sealed record Run(IReadOnlyList<Peer> Proxies, int Rounds, TimeSpan RoundTime, TimeSpan WarmUp, Sheet Sheet)
{
    /// <summary>Core of the application and of the load; this process itself is started there.</summary>
    public const int LoadCore = 0;

    /// <summary>Core of the proxy under test.</summary>
    public const int ProxyCore = 1;

    /// <summary>Requests per second of the open-loop rows: what a busy sidecar sees.</summary>
    public const double SteadyRate = 2000;

    /// <summary>Says what is going on.</summary>
    public static void Say(string text) => Console.Error.WriteLine(text);

    /// <summary>Starts the application and every proxy, and waits until each answers.</summary>
    public async Task<Stage> StartAllAsync()
    {
        var stage = new Stage();
        try
        {
            await stage.AddAsync(AllPeers.Backend, LoadCore);
            foreach (var proxy in Proxies) await stage.AddAsync(proxy, ProxyCore);
            return stage;
        }
        catch
        {
            await stage.DisposeAsync();
            throw;
        }
    }
}

/// <summary>The processes of a row; they end with it.</summary>
public sealed class Stage : IAsyncDisposable
{
    private readonly List<PeerProcess> _processes = [];

    /// <summary>The proxies, without the application behind them.</summary>
    public IEnumerable<PeerProcess> Proxies => _processes.Where(p => p.Peer != AllPeers.Backend);

    public async Task<PeerProcess> AddAsync(Peer peer, int core)
    {
        var process = peer.Start(core);
        _processes.Add(process);
        process.WaitUntilAccepting();
        await process.WaitUntilServingAsync();
        return process;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_processes)) await process.DisposeAsync();
    }
}
