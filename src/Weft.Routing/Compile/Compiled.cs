using System.Diagnostics.CodeAnalysis;

namespace Weft.Routing.Compile;

/// <summary>What became of one resource: a value, or every reason why there is none. Compilers never throw.</summary>
/// <typeparam name="T">The immutable result.</typeparam>
/// <param name="Value">Null exactly when <see cref="Rejections"/> has entries.</param>
/// <param name="Rejections">Empty when the resource is good.</param>
/// <param name="UnknownFields">Field numbers that this build does not know: accepted (a newer server may send them) and counted.</param>
public sealed record Compiled<T>(T? Value, IReadOnlyList<Rejection> Rejections, int UnknownFields = 0)
    where T : class
{
    [MemberNotNullWhen(true, nameof(Value))]
    public bool Ok => Value is not null;
}
