using Weft.Bench.Measuring;
using Weft.Bench.Peers;

namespace Weft.Bench.Rows;

/// <summary>A closed-loop load with client certificates, over connections that stay open from the warm-up to the end: handshakes are a row of their own.</summary>
internal sealed class HeldConnections : IAsyncDisposable
{
    private const int Connections = 64;

    private readonly Dictionary<string, Generator> _generators = [];

    public async Task<LoadCount> LoadAsync(Contender contender, TimeSpan duration)
    {
        if (!_generators.TryGetValue(contender.Name, out var generator))
        {
            _generators[contender.Name] = generator = Generator.Start(contender.Url, "h1");
            await generator.DoAsync($"open {Connections}");
        }
        return (await generator.DoAsync($"closed {duration.TotalSeconds:0}")).Count;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var generator in _generators.Values) await generator.DisposeAsync();
    }
}
