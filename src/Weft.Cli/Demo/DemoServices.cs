using System.Collections.Immutable;

namespace Weft.Cli.Demo;

/// <summary>One process of the Bookshop.</summary>
/// <param name="Service">Its name in the mesh and its first argument.</param>
/// <param name="Version">Empty for one version only.</param>
/// <param name="Listens">False for the traffic generator.</param>
public sealed record DemoService(string Service, string Version = "", bool Listens = true)
{
    public string Label => Version.Length > 0 ? $"{Service}-{Version}" : Service;
}

/// <summary>Who is in the demo and who calls whom.</summary>
public static class DemoServices
{
    /// <summary>Callees before their callers: the first request finds everybody.</summary>
    public static ImmutableArray<DemoService> All { get; } =
    [
        new("payments"), new("reviews"), new("catalog", "v1"), new("catalog", "v2"), new("orders"), new("storefront"), new("traffic", Listens: false),
    ];

    /// <summary>Every call that the Bookshop makes, as the numbers name it.</summary>
    public static ImmutableArray<(string From, string To)> Edges { get; } =
    [
        ("default/traffic", "default/storefront"), ("default/storefront", "default/catalog"), ("default/storefront", "default/reviews"),
        ("default/storefront", "default/orders"), ("default/orders", "default/payments"),
    ];
}
