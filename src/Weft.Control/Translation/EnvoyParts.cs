using Envoy.Config.Core.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Weft.Control.Translation;

/// <summary>Small pieces that every message is made of.</summary>
internal static class EnvoyParts
{
    /// <summary>"Ask the control plane, on the stream that this came by."</summary>
    public static ConfigSource FromAds => new() { Ads = new AggregatedConfigSource(), ResourceApiVersion = ApiVersion.V3 };

    public static Any Pack(IMessage message) => Any.Pack(message);

    public static Duration Time(TimeSpan time) => Duration.FromTimeSpan(time);

    public static Address Socket(string address, int port) =>
        new() { SocketAddress = new SocketAddress { Address = address, PortValue = (uint)port } };

    /// <param name="range">As in <c>240.240.0.0/16</c>.</param>
    public static CidrRange Range(string range)
    {
        var network = System.Net.IPNetwork.Parse(range);
        return new CidrRange { AddressPrefix = network.BaseAddress.ToString(), PrefixLen = (uint)network.PrefixLength };
    }

    public static Struct Fields(params ReadOnlySpan<(string Name, Value Value)> fields)
    {
        var result = new Struct();
        foreach (var (name, value) in fields) result.Fields.Add(name, value);
        return result;
    }

    /// <summary>What Weft says of a resource where xDS has no field for it.</summary>
    public static Metadata WeftMetadata(params ReadOnlySpan<(string Name, Value Value)> fields) => new() { FilterMetadata = { [XdsNames.Metadata] = Fields(fields) } };

    /// <summary>HTTP/2 with Weft's defaults written out: what is not said, Envoy takes for unlimited.</summary>
    public static Http2ProtocolOptions Http2 => new()
    {
        // A gRPC library opens one connection and waits when that is full: a client with a thousand long streams must not. 1,024 is Envoy's safe default.
        MaxConcurrentStreams = 1024, InitialStreamWindowSize = 256 * 1024, InitialConnectionWindowSize = 1024 * 1024,
        AllowConnect = true, // upgrades, as WebSocket, are CONNECT between two proxies
    };

    /// <summary>HTTP/1 field names go out as they came in.</summary>
    public static Http1ProtocolOptions PreserveCase => new()
    {
        HeaderKeyFormat = new Http1ProtocolOptions.Types.HeaderKeyFormat
        {
            StatefulFormatter = new TypedExtensionConfig
            {
                Name = "preserve_case",
                TypedConfig = Pack(new Envoy.Extensions.Http.HeaderFormatters.PreserveCase.V3.PreserveCaseFormatterConfig()),
            },
        },
    };
}
