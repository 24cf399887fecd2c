namespace Bookshop;

public sealed record Book(int Id, string Title, string Author, decimal Price, string? Shelf = null);

public sealed record Review(int Book, string By, int Stars, string Text);

public sealed record OrderRequest(int Book, int Quantity);

public sealed record Order(Guid Id, int Book, int Quantity, string Status, string? Payment);

public sealed record PaymentRequest(Guid Order, decimal Amount);

public sealed record Payment(string Id, Guid Order, string Status);

public sealed record CatalogPage(string Version, IReadOnlyList<Book> Books);
