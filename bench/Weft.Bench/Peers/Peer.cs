namespace Weft.Bench.Peers;

/// <summary>A program with its configuration: one process that takes part.</summary>
/// <param name="Name">As it stands in the results.</param>
/// <param name="Port">Loopback port of its listener.</param>
/// <param name="Program">Full path.</param>
/// <param name="Arguments">Its arguments.</param>
/// <param name="Configuration">Path under bench/peers, or what its arguments are where it has no file.</param>
public sealed record Peer(string Name, int Port, string Program, IReadOnlyList<string> Arguments, string Configuration);

/// <summary>How a client reaches something.</summary>
public enum Reach
{
    Http1,

    /// <summary>In plain text, with prior knowledge.</summary>
    Http2,

    /// <summary>With the client's certificate.</summary>
    MutualTls,
}

/// <summary>What competes in a row: a proxy, or two of the same kind in a row.</summary>
/// <param name="Name">As it stands in the results.</param>
/// <param name="Hops">From the client to the application.</param>
/// <param name="Reach">How the first is spoken to.</param>
public sealed record Contender(string Name, IReadOnlyList<Peer> Hops, Reach Reach)
{
    public const string Weft = "weft", Nginx = "nginx", Haproxy = "haproxy", Caddy = "caddy";

    /// <summary>A host that it routes somewhere: the first of the routes where there are routes by host.</summary>
    public string Host { get; init; } = "service-0.bench";

    public Uri Url => UrlAt(0);

    /// <summary>The same contender at another of its ports.</summary>
    public Uri UrlAt(int portsFurther) => new($"{(Reach == Reach.MutualTls ? "https" : "http")}://127.0.0.1:{Hops[0].Port + portsFurther}/");
}
