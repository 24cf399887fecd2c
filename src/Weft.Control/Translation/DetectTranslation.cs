using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;

namespace Weft.Control.Translation;

/// <summary>A chain whose connections carry requests or bytes, which nobody has said.</summary>
internal static class DetectTranslation
{
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Remember = TimeSpan.FromMinutes(10);

    /// <summary>The filters of such a chain: whoever speaks first decides which of the two others serves the connection.</summary>
    /// <param name="bytes">The TCP proxy, whose endpoint is called at once.</param>
    /// <param name="manager">For requests.</param>
    public static IEnumerable<Filter> Either(Filter bytes, HttpConnectionManager manager) =>
    [
        new Filter { Name = "weft.v1.detect", TypedConfig = EnvoyParts.Pack(new Weft.V1.Detect { Limit = EnvoyParts.Time(Limit), Remember = EnvoyParts.Time(Remember) }) },
        bytes,
        HttpTranslation.AsFilter(manager),
    ];
}
