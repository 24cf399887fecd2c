namespace Weft.Proxy.Http1;

/// <summary>
/// Brings a path into one form (RFC 3986 section 6.2.2), so that the access rule and the application cannot see two different paths.
/// The query is left alone. Normalising twice changes nothing more.
/// </summary>
public static class PathNormalizer
{
    /// <param name="pathAndQuery">Starts with <c>/</c>, or is empty or starts with <c>?</c> (absolute target without path), which gets its
    /// <c>/</c>.</param>
    /// <param name="destination">Needs the path's length + 1 bytes when something changes.</param>
    /// <param name="policy">What to do beyond the fixed steps.</param>
    /// <param name="written">Length of the result in <paramref name="destination"/>; 0 unless rewritten.</param>
    /// <param name="error">Why, when rejected.</param>
    public static PathStatus Normalize(
        ReadOnlySpan<byte> pathAndQuery, Span<byte> destination, PathPolicy policy, out int written, out Http1Error error)
    {
        written = 0;
        error = default;
        var question = pathAndQuery.IndexOf((byte)'?');
        var path = question < 0 ? pathAndQuery : pathAndQuery[..question];
        var query = question < 0 ? default : pathAndQuery[question..];
        if (IsNormal(path, policy)) return PathStatus.Unchanged;
        if (destination.Length < pathAndQuery.Length + 1) return PathStatus.DestinationTooSmall;

        var rooted = path.Length == 0;
        if (rooted) path = "/"u8;
        if (path[0] is not ((byte)'/' or (byte)'\\')) return Reject("the path does not start with a slash", out error);
        if (!TryDecode(path, destination, policy, out var length, out var slashes, out error)) return PathStatus.Rejected;
        length = ResolveDotSegments(destination[..length]);
        if (policy.MergeSlashes) length = MergeSlashes(destination[..length]);
        if (!rooted && destination[..length].SequenceEqual(path)) return PathStatus.Unchanged;
        query.CopyTo(destination[length..]);
        written = length + query.Length;
        return slashes && policy.EscapedSlash == EscapedSlash.Redirect ? PathStatus.Redirected : PathStatus.Rewritten;
    }

    internal static PathStatus Replace(ReadOnlySpan<byte> path, Span<byte> destination, out int written, out Http1Error error)
    {
        error = default;
        written = path.TryCopyTo(destination) ? path.Length : 0;
        return written == 0 ? PathStatus.DestinationTooSmall : PathStatus.Rewritten;
    }

    /// <summary>Most paths: nothing in them that any step could change.</summary>
    private static bool IsNormal(ReadOnlySpan<byte> path, PathPolicy policy) =>
        path.Length != 0 && path[0] == '/' && !path.ContainsAny((byte)'%', (byte)'\\') && path.IndexOf("/."u8) < 0
        && !(policy.MergeSlashes && path.IndexOf("//"u8) >= 0);

    /// <summary>
    /// Decodes once. Broken escapes are refused: decoding around them could make a valid one (<c>%%32e</c> becomes <c>%2e</c>),
    /// which the next reader would decode again.
    /// </summary>
    private static bool TryDecode(ReadOnlySpan<byte> path, Span<byte> destination, PathPolicy policy, out int written, out bool slashes, out Http1Error error)
    {
        written = 0;
        slashes = false;
        error = default;
        for (var i = 0; i < path.Length; i++)
        {
            var octet = path[i];
            if (octet == '\\') octet = (byte)'/';
            if (octet != '%')
            {
                destination[written++] = octet;
                continue;
            }
            if (i + 2 >= path.Length || Octets.Hex(path[i + 1]) < 0 || Octets.Hex(path[i + 2]) < 0)
                return Fail("the path contains a broken percent escape", out error);
            var decoded = (byte)((Octets.Hex(path[i + 1]) << 4) | Octets.Hex(path[i + 2]));
            if (decoded == 0) return Fail("the path contains %00", out error);
            var slash = decoded is (byte)'/' or (byte)'\\';
            if (slash && policy.EscapedSlash == EscapedSlash.Reject) return Fail("the path contains an escaped slash or backslash", out error);
            slashes |= slash;
            if (slash && policy.EscapedSlash != EscapedSlash.Keep) destination[written++] = (byte)'/';
            else if (Octets.Unreserved.Contains(decoded)) destination[written++] = decoded;
            else
            {
                path.Slice(i, 3).CopyTo(destination[written..]);
                written += 3;
            }
            i += 2;
        }
        return true;
    }

    /// <summary>RFC 3986 section 5.2.4, in place: the result is never longer. <c>..</c> at the root stays at the root.</summary>
    private static int ResolveDotSegments(Span<byte> path)
    {
        var written = 0; // path[..written] is resolved and ends before a slash
        var read = 0;
        while (read < path.Length)
        {
            var next = path[(read + 1)..].IndexOf((byte)'/');
            var end = next < 0 ? path.Length : read + 1 + next;
            var segment = path[(read + 1)..end];
            var last = end == path.Length;
            if (segment.SequenceEqual("."u8) || segment.SequenceEqual(".."u8))
            {
                if (segment.Length == 2) written = Math.Max(0, path[..written].LastIndexOf((byte)'/'));
                if (last) path[written++] = (byte)'/';
            }
            else
            {
                path[read..end].CopyTo(path[written..]);
                written += end - read;
            }
            read = end;
        }
        return written;
    }

    private static int MergeSlashes(Span<byte> path)
    {
        var written = 0;
        for (var i = 0; i < path.Length; i++)
        {
            if (path[i] != '/' || written == 0 || path[written - 1] != '/') path[written++] = path[i];
        }
        return written;
    }

    private static bool Fail(string rule, out Http1Error error)
    {
        error = Http1Error.Bad(rule);
        return false;
    }

    private static PathStatus Reject(string rule, out Http1Error error)
    {
        Fail(rule, out error);
        return PathStatus.Rejected;
    }
}
