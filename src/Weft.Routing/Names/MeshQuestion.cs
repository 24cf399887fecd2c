using System.Text;
using Weft.Routing.ForwardProxy;

namespace Weft.Routing.Names;

/// <summary>Which names could be services, and which service each would be.</summary>
public static class MeshQuestion
{
    /// <summary>Bytes of the longest key: two labels of 63 and a dot.</summary>
    public const int MaxLength = 63 + 1 + 63;

    /// <summary>
    /// Writes the key <c>service.namespace</c> in lower case. What a request's authority may say (<see cref="MeshName"/>) may be asked for too, and the same with a search domain behind it.
    /// </summary>
    /// <param name="name">Without a dot at the end; letters, digits, '-', '_' and dots.</param>
    /// <param name="into">At least <see cref="MeshName.MaxLength"/> bytes.</param>
    /// <returns>False for what cannot be a service: to be forwarded without a word to the control plane.</returns>
    public static bool TryWrite(ReadOnlySpan<byte> name, MeshDomain domain, Span<byte> into, out int length)
    {
        if (TryWriteAsWritten(name, domain, into, out length)) return true;
        foreach (var search in domain.SearchDomains)
        {
            var rest = name.Length - search.Length - 1;
            if (rest > 0 && name[rest] == '.' && Ascii.EqualsIgnoreCase(name[(rest + 1)..], search) && TryWriteAsWritten(name[..rest], domain, into, out length)) return true;
        }
        return false;
    }

    private static bool TryWriteAsWritten(ReadOnlySpan<byte> name, MeshDomain domain, Span<byte> into, out int length)
    {
        if (!MeshName.TryWrite(name, domain.DefaultNamespace, domain.DomainSuffixes, into, out length)) return false;
        length = into[..length].LastIndexOf((byte)':'); // the key of routes has a port, that of names has none
        return true;
    }
}
