using System.Globalization;

namespace Weft.Control.Model;

/// <summary>The name of a Service's port everywhere in xDS: <c>catalog.default:80</c>.</summary>
/// <param name="Service">The Service's name, one DNS label.</param>
/// <param name="Namespace">Its namespace, one DNS label.</param>
/// <param name="Port">The port that clients call, 1 to 65535.</param>
public readonly record struct ServicePortKey(string Service, string Namespace, int Port) : IComparable<ServicePortKey>
{
    /// <summary>Reads the text form; false for anything else, including leading zeros (one port has one spelling).</summary>
    public static bool TryParse(string text, out ServicePortKey key)
    {
        key = default;
        var dot = text.IndexOf('.');
        var colon = text.LastIndexOf(':');
        if (dot <= 0 || colon <= dot + 1 || text.IndexOf('.', dot + 1) >= 0) return false;
        if (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65535) return false;
        key = new ServicePortKey(text[..dot], text[(dot + 1)..colon], port);
        return key.ToString() == text;
    }

    public int CompareTo(ServicePortKey other)
    {
        var c = string.CompareOrdinal(Namespace, other.Namespace);
        if (c == 0) c = string.CompareOrdinal(Service, other.Service);
        return c != 0 ? c : Port.CompareTo(other.Port);
    }

    public override string ToString() => $"{Service}.{Namespace}:{Port}";
}
