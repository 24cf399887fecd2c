using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Weft.Control.Model;

/// <summary>Compares by identity: parts of a model are taken over whole, so the same content that is not the same instance was made anew.</summary>
internal sealed class ReferenceComparer<T> : IEqualityComparer<T>
    where T : class
{
    public static readonly ReferenceComparer<T> Instance = new();

    public bool Equals(T? x, T? y) => ReferenceEquals(x, y);

    public int GetHashCode([DisallowNull] T obj) => RuntimeHelpers.GetHashCode(obj);
}
