using Weft.Bench.Peers;
using Weft.Bench.Results;

namespace Weft.Bench.Rows;

/// <summary>A contender with its running processes, accounted for together.</summary>
internal sealed record Running(Contender Contender, IReadOnlyList<PeerProcess> Processes)
{
    public string Name => Contender.Name;

    public long CpuNanos => Processes.Sum(p => p.Tree.CpuNanos);

    public double ResidentMegabytes => Processes.Sum(p => p.Tree.ResidentKilobytes) / 1024.0;

    public double PeakMegabytes => Processes.Sum(p => p.Tree.PeakKilobytes) / 1024.0;
}

/// <summary>The processes of a row; they end with it.</summary>
internal sealed class Stage(Sheet sheet) : IAsyncDisposable
{
    private readonly List<PeerProcess> _processes = [];
    private readonly List<Running> _contenders = [];

    public IReadOnlyList<Running> Contenders => _contenders;

    public async Task AddAsync(Peer application, Reach reach)
    {
        var process = Start(application, Run.LoadCore);
        process.WaitUntilAccepting();
        await process.WaitUntilServingAsync(new Uri($"http://127.0.0.1:{application.Port}/"), reach, Certificates.TrustDomain);
    }

    /// <summary>The last hop first, so that each finds the next.</summary>
    public async Task<Running> AddAsync(Contender contender)
    {
        var hops = contender.Hops.Reverse().Select(hop =>
        {
            var process = Start(hop, Run.ProxyCore);
            process.WaitUntilAccepting();
            return process;
        }).ToList();
        await hops[^1].WaitUntilServingAsync(contender.Url, contender.Reach, contender.Host);
        _contenders.Add(new Running(contender, hops));
        return _contenders[^1];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_processes)) await process.DisposeAsync();
    }

    private PeerProcess Start(Peer peer, int core)
    {
        sheet.Uses(peer.Configuration);
        var process = PeerProcess.Start(peer, core);
        _processes.Add(process);
        return process;
    }
}
