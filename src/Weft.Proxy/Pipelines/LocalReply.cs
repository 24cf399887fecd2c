namespace Weft.Proxy.Pipelines;

/// <summary>A response that this proxy makes itself.</summary>
/// <param name="status">200 to 599.</param>
/// <param name="fault">Code for <c>x-weft-fault</c>; empty when nothing went wrong (a redirect, a direct response).</param>
/// <param name="id">Value for <c>x-weft-id</c>: the request's id, by which people and logs find it.</param>
/// <param name="body">May be empty.</param>
/// <param name="location">Value for <c>Location</c>; empty writes none.</param>
internal readonly ref struct LocalReply(int status, ReadOnlySpan<byte> fault, ReadOnlySpan<byte> id, ReadOnlySpan<byte> body, ReadOnlySpan<byte> location)
{
    public int Status { get; } = status;

    public ReadOnlySpan<byte> Fault { get; } = fault;

    public ReadOnlySpan<byte> Id { get; } = id;

    public ReadOnlySpan<byte> Body { get; } = body;

    public ReadOnlySpan<byte> Location { get; } = location;
}
