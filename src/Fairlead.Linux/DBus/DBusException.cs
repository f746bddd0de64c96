namespace Fairlead.Linux.DBus;

/// <summary>The bus, or who was called over it, refused; or something was said that is no D-Bus.</summary>
public sealed class DBusException(string message) : IOException(message);
