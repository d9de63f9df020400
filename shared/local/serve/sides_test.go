package serve

import (
	"net"
	"testing"
)

type at struct {
	net.Listener
	address net.TCPAddr
}

func (a at) Addr() net.Addr { return &a.address }

func TestTheBaseURLCanBeDialed(t *testing.T) {
	for _, test := range []struct {
		address net.TCPAddr
		want    string
	}{
		{net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 3000}, "http://127.0.0.1:3000"},
		{net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}, "http://192.0.2.1:80"},
		{net.TCPAddr{IP: net.IPv4zero, Port: 3000}, "http://127.0.0.1:3000"},
		{net.TCPAddr{IP: net.IPv6unspecified, Port: 3000}, "http://127.0.0.1:3000"},
		{net.TCPAddr{IP: net.IPv6loopback, Port: 3000}, "http://[::1]:3000"},
		{net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 3000}, "http://[fe80::1%25eth0]:3000"},
	} {
		if got := baseURL(at{address: test.address}); got != test.want {
			t.Errorf("%s is reached at %s, want %s", &test.address, got, test.want)
		}
	}
}
