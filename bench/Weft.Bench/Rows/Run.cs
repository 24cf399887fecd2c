using Weft.Bench.Peers;
using Weft.Bench.Results;

namespace Weft.Bench.Rows;

/// <summary>One run of one row: how long and how often, and the sheet that it fills.</summary>
/// <param name="Rounds">Interleaved rounds: one of each participant after another, so that a slow minute of the machine hits all.</param>
/// <param name="RoundTime">Length of one measurement.</param>
/// <param name="WarmUp">Load before the first round, for caches, connections and the JIT.</param>
/// <param name="IsQuick">Only those take part that something is required against.</param>
/// <param name="Sheet">Where the figures go.</param>
internal sealed record Run(int Rounds, TimeSpan RoundTime, TimeSpan WarmUp, bool IsQuick, Sheet Sheet)
{
    /// <summary>Core of the application and of the load; this process itself is started there.</summary>
    public const int LoadCore = 0;

    /// <summary>Core of the proxy under test.</summary>
    public const int ProxyCore = 1;

    /// <summary>Requests per second of the open-loop rows: what a busy sidecar sees.</summary>
    public const double SteadyRate = 2000;

    /// <summary>Says what is going on.</summary>
    public static void Say(string text) => Console.Error.WriteLine(text);

    /// <summary>Who takes part in the rows of a folder of bench/peers.</summary>
    public IReadOnlyList<Contender> Contenders(string folder, Reach reach = Reach.Http1) =>
        [.. AllPeers.Of(folder, reach, Sheet.Warn).Where(c => !IsQuick || c.Name != Contender.Caddy)];

    /// <summary>Starts the application and every contender, and waits until each answers. One that does not is left out.</summary>
    /// <param name="application">Null when the contenders answer by themselves.</param>
    public async Task<Stage> StartAsync(IReadOnlyList<Contender> contenders, Peer? application)
    {
        var stage = new Stage(Sheet);
        try
        {
            if (application is not null) await stage.AddAsync(application, application == AllPeers.GrpcApplication ? Reach.Http2 : Reach.Http1);
            foreach (var contender in contenders)
            {
                try
                {
                    await stage.AddAsync(contender);
                }
                catch (InvalidOperationException e)
                {
                    Sheet.Warn($"{contender.Name} took no part: {e.Message}");
                }
            }
            return stage;
        }
        catch
        {
            await stage.DisposeAsync();
            throw;
        }
    }
}
