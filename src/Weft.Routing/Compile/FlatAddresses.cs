using Weft.Routing.Compile.Wire;

namespace Weft.Routing.Compile;

/// <summary>The additional_addresses of one envoy.config.endpoint.v3.Endpoint, one after the other, as views over its bytes.</summary>
internal ref struct FlatAddresses(ReadOnlySpan<byte> endpoint)
{
    private WireReader _reader = new(endpoint);

    /// <summary>Empty when the entry has no socket address.</summary>
    public ReadOnlySpan<byte> Host { get; private set; }

    public ulong Port { get; private set; }

    public bool Udp { get; private set; }

    public bool Next()
    {
        while (_reader.Next())
        {
            if (_reader.Field != 4 || !_reader.HasBytes) continue;
            Host = default;
            Port = 0;
            Udp = false;
            Read(FlatEndpoint.Field(FlatEndpoint.Field(_reader.Bytes, 1), 1)); // additional_address.address.socket_address
            return true;
        }
        return false;
    }

    private void Read(ReadOnlySpan<byte> socket)
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
}
