using System.Text;

namespace Weft.Routing.Matching;

/// <summary>One condition on a query parameter (envoy.config.route.v3.QueryParameterMatcher). The first parameter of the name counts; nothing is
/// percent-decoded, as Envoy. Immutable.</summary>
public sealed class QueryMatcher
{
    private readonly byte[] _name;

    internal QueryMatcher(string name, StringMatcher? value, bool present)
    {
        (Name, Value, Present) = (name, value, present);
        _name = Encoding.UTF8.GetBytes(name);
    }

    public string Name { get; }

    /// <summary>Null: only presence counts.</summary>
    public StringMatcher? Value { get; }

    /// <summary>Without <see cref="Value"/>: whether the parameter must be there or must not.</summary>
    public bool Present { get; }

    /// <param name="query">With or without its question mark.</param>
    public bool Matches(ReadOnlySpan<byte> query)
    {
        var found = TryFind(query, out var value);
        return Value is null ? found == Present : found && Value.Matches(value);
    }

    private bool TryFind(ReadOnlySpan<byte> query, out ReadOnlySpan<byte> value)
    {
        if (!query.IsEmpty && query[0] == '?') query = query[1..];
        while (!query.IsEmpty)
        {
            var end = query.IndexOf((byte)'&');
            var pair = end < 0 ? query : query[..end];
            query = end < 0 ? default : query[(end + 1)..];
            var equals = pair.IndexOf((byte)'=');
            if ((equals < 0 ? pair : pair[..equals]).SequenceEqual(_name))
            {
                value = equals < 0 ? default : pair[(equals + 1)..];
                return true;
            }
        }
        value = default;
        return false;
    }
}
