using System.Globalization;
using System.Text;
using Weft.Routing.Clusters;
using Weft.Routing.Compile.Wire;

namespace Weft.Routing.Compile;

/// <summary>One LbEndpoint as views over the bytes that it arrived in.</summary>
internal ref struct FlatEndpoint
{
    public ReadOnlySpan<byte> Host;

    /// <summary>envoy.config.endpoint.v3.Endpoint, which may have additional addresses.</summary>
    public ReadOnlySpan<byte> Endpoint;
    public ulong Port;
    public bool Udp;

    /// <summary>1 when unset.</summary>
    public uint Weight;
    public ulong Health;
    public int Priority;
    public ReadOnlySpan<byte> Region;
    public ReadOnlySpan<byte> Zone;
    public ReadOnlySpan<byte> SpiffeId;
    public ReadOnlySpan<byte> Workload;
    public ReadOnlySpan<byte> Service;
    public ReadOnlySpan<byte> Version;

    /// <summary>The Struct of <c>envoy.transport_socket_match</c>.</summary>
    public ReadOnlySpan<byte> TransportMatch;

    /// <param name="message">envoy.config.endpoint.v3.LbEndpoint.</param>
    /// <param name="locality">envoy.config.core.v3.Locality of its group.</param>
    /// <param name="priority">Of its group.</param>
    public static FlatEndpoint Read(ReadOnlySpan<byte> message, ReadOnlySpan<byte> locality, int priority)
    {
        var flat = new FlatEndpoint { Weight = 1, Priority = priority, Region = Field(locality, 1), Zone = Field(locality, 2) };
        var reader = new WireReader(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    flat.Endpoint = reader.Bytes;
                    flat.ReadSocketAddress(Field(Field(reader.Bytes, 1), 1)); // endpoint.address.socket_address
                    break;
                case 2: flat.Health = reader.Number; break;
                case 3: flat.ReadMetadata(reader.Bytes); break;
                case 4: flat.Weight = Wrapped(reader.Bytes); break;
            }
        }
        return flat;
    }

    /// <summary>True when <paramref name="endpoint"/> says the same. May answer false for the same content in another spelling.</summary>
    public readonly bool Is(Endpoint endpoint)
    {
        Span<byte> host = stackalloc byte[64];
        return (ulong)endpoint.Address.Port == Port && endpoint.Address.Address.TryFormat(host, out var length) && host[..length].SequenceEqual(Host)
            && endpoint.Weight == Weight && (ulong)endpoint.Health == Health && endpoint.Priority == Priority && !Udp
            && Same(SpiffeId, endpoint.SpiffeId) && Same(Workload, endpoint.Workload) && Same(Service, endpoint.Service) && Same(Version, endpoint.Version)
            && Same(Region, endpoint.Region) && Same(Zone, endpoint.Zone) && SameLabels(endpoint.TransportMatch)
            && SameAddresses(endpoint);
    }

    /// <summary>The additional addresses as sent; an entry that is none answers an address without a host.</summary>
    public readonly FlatAddresses AdditionalAddresses() => new(Endpoint);

    private readonly bool SameAddresses(Endpoint endpoint)
    {
        Span<byte> host = stackalloc byte[64];
        var count = 0;
        var addresses = AdditionalAddresses();
        while (addresses.Next())
        {
            if (count == endpoint.AdditionalAddresses.Length) return false;
            var known = endpoint.AdditionalAddresses[count++];
            if ((ulong)known.Port != addresses.Port || !known.Address.TryFormat(host, out var length) || !host[..length].SequenceEqual(addresses.Host)) return false;
        }
        return count == endpoint.AdditionalAddresses.Length;
    }

    public readonly MatchLabels Labels()
    {
        if (TransportMatch.IsEmpty) return MatchLabels.Empty;
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal); // a key that comes twice: the last counts, as in every map
        var fields = new WireReader(TransportMatch);
        while (fields.Next())
        {
            if (fields.Field == 1) pairs[Text(Field(fields.Bytes, 1), "")] = ValueText(Field(fields.Bytes, 2));
        }
        return new MatchLabels(pairs);
    }

    /// <summary><paramref name="bytes"/> as text: <paramref name="known"/> itself when it is the same.</summary>
    public static string Text(ReadOnlySpan<byte> bytes, string known) => Same(bytes, known) ? known : Encoding.UTF8.GetString(bytes);

    private static bool Same(ReadOnlySpan<byte> bytes, string text) =>
        Ascii.Equals(bytes, text) || (bytes.ContainsAnyInRange<byte>(0x80, 0xff) && Encoding.UTF8.GetString(bytes) == text);

    private readonly bool SameLabels(MatchLabels labels)
    {
        var count = 0;
        var fields = new WireReader(TransportMatch);
        while (fields.Next())
        {
            if (fields.Field != 1) continue;
            count++;
            var key = Field(fields.Bytes, 1);
            var text = Field(Field(fields.Bytes, 2), 3); // only text values; others are built and then compared
            var found = false;
            foreach (var (k, v) in labels.Pairs) found |= Same(key, k) && Same(text, v);
            if (!found || text.IsEmpty) return false;
        }
        return count == labels.Count;
    }

    /// <summary>google.protobuf.Value in <see cref="MetadataReader.Text"/>'s spelling.</summary>
    private static string ValueText(ReadOnlySpan<byte> value)
    {
        var text = "";
        var reader = new WireReader(value);
        while (reader.Next())
        {
            text = reader.Field switch
            {
                2 => BitConverter.UInt64BitsToDouble(reader.Number).ToString("R", CultureInfo.InvariantCulture),
                3 => Encoding.UTF8.GetString(reader.Bytes),
                4 => reader.Number != 0 ? "true" : "false",
                _ => "",
            };
        }
        return text;
    }

    private static uint Wrapped(ReadOnlySpan<byte> uint32Value)
    {
        var value = 0UL;
        var reader = new WireReader(uint32Value);
        while (reader.Next())
        {
            if (reader.Field == 1) value = reader.Number;
        }
        return (uint)value;
    }

    /// <summary>The last length-delimited field of a number; empty when there is none.</summary>
    public static ReadOnlySpan<byte> Field(ReadOnlySpan<byte> message, int number)
    {
        ReadOnlySpan<byte> found = default;
        var reader = new WireReader(message);
        while (reader.Next())
        {
            if (reader.Field == number && reader.HasBytes) found = reader.Bytes;
        }
        return found;
    }

    private void ReadSocketAddress(ReadOnlySpan<byte> socket)
    {
        var reader = new WireReader(socket);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: Udp = reader.Number != 0; break;
                case 2: Host = reader.Bytes; break;
                case 3: Port = reader.Number; break;
            }
        }
    }

    private void ReadMetadata(ReadOnlySpan<byte> metadata)
    {
        var reader = new WireReader(metadata);
        while (reader.Next())
        {
            if (reader.Field != 1) continue; // filter_metadata
            var key = Field(reader.Bytes, 1);
            if (key.SequenceEqual("envoy.transport_socket_match"u8)) TransportMatch = Field(reader.Bytes, 2);
            else if (key.SequenceEqual("weft.dev"u8)) ReadWeft(Field(reader.Bytes, 2));
        }
    }

    private void ReadWeft(ReadOnlySpan<byte> weft)
    {
        var fields = new WireReader(weft);
        while (fields.Next())
        {
            if (fields.Field != 1) continue;
            var key = Field(fields.Bytes, 1);
            var text = Field(Field(fields.Bytes, 2), 3);
            if (key.SequenceEqual("spiffe"u8)) SpiffeId = text;
            else if (key.SequenceEqual("workload"u8)) Workload = text;
            else if (key.SequenceEqual("service"u8)) Service = text;
            else if (key.SequenceEqual("version"u8)) Version = text;
        }
    }
}
